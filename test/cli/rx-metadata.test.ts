/** Programs that ask the device what it knows of a frame: bound or not, in every command alike. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const capture = fileURLToPath(new URL('../../examples/load-balancer/traffic.pcap', import.meta.url));
const refusal = 'metadata kfuncs require device-bound program';

let folder = '';
let program = '';
let table = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-rx-'));
  program = join(folder, 'hash.s');
  // The verdict is the hash's lowest bit and one; ABORTED where there is none.
  writeFileSync(
    program,
    `	.license "GPL"
	.extern bpf_xdp_metadata_rx_hash
	.section xdp
	.globl hash
hash:
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -8
	call bpf_xdp_metadata_rx_hash
	if r0 != 0 goto none
	r0 = *(u32 *)(r10 - 4)
	r0 &= 1
	r0 += 1
	exit
none:
	r0 = 0
	exit
`,
  );
  await captureCli(['asm', program, '-o', join(folder, 'hash.o')]);
  table = join(folder, 'card.json');
  writeFileSync(table, '{"default": {"hash": 2}, "packets": [{"packet": 2, "hash": 1}, {"packet": 3}]}');
});
afterAll(() => rmSync(folder, { recursive: true }));

const cli = (...args: string[]): ReturnType<typeof captureCli> => captureCli(args);

describe('a program that no loader binds', () => {
  test('is refused by verify, run and check in the words of the kernel', async () => {
    const verified = await cli('verify', program);
    expect([verified.exitCode, verified.out.includes(refusal)]).toEqual([1, true]);
    const ran = await cli('run', program, '-r', capture);
    expect([ran.exitCode, ran.err.includes(refusal)]).toEqual([1, true]);
    const checked = await cli('check', join(folder, 'hash.o'), '-c', '3', '--no-kernel');
    expect([checked.exitCode, checked.out.includes(refusal)]).toEqual([0, true]);
  });
});

describe('one that is bound', () => {
  test('loads, and without a table hears that the device tells nothing', async () => {
    expect((await cli('verify', program, '--dev-bound')).exitCode).toBe(0);
    const { out } = await cli('run', program, '-r', capture, '-c', '4', '--dev-bound', '--json');
    expect(JSON.parse(out).verdicts).toMatchObject({ ABORTED: 4 });
  });

  test.each(['interp', 'wasm', 'trace'])('hears what the table says on the engine %s', async (engine) => {
    const flags = ['-r', capture, '-c', '4', '--rx-metadata', table, '--engine', engine, '--check', '--json'];
    const { out, exitCode } = await cli('run', program, ...flags);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out).verdicts).toMatchObject({ ABORTED: 1, DROP: 2, PASS: 1 });
  });

  test('is compared with the interpreter by check, which says that the kernel cannot be asked', async () => {
    const { out, exitCode } = await cli('check', join(folder, 'hash.o'), '-c', '4', '--rx-metadata', table, '--json');
    const { programs } = JSON.parse(out);
    expect([exitCode, programs[0].result, programs[0].verdicts]).toEqual([0, 'ok', 'ABORTED 1 DROP 2 PASS 1']);
  });

  test('is run packet by packet in one order only', async () => {
    const { err, exitCode } = await cli('run', program, '-r', capture, '--rx-metadata', table, '--jobs', '2');
    expect([exitCode, err]).toEqual([2, 'error: `--jobs` and `--rx-metadata` exclude each other\n']);
  });

  test('is rehearsed for `live attach`, which takes nothing over with it', async () => {
    const args = ['live', 'attach', program, '--engine', 'interp', '-r', capture, '-c', '50'];
    expect((await cli(...args)).err).toContain('metadata kfuncs require device-bound program');
    const { out, exitCode } = await cli(...args, '--dev-bound');
    expect([out.split('\n')[1]?.trim(), exitCode]).toEqual(['the same decisions', 0]);
    expect(await cli('live', 'attach', 'lo', '--dev-bound')).toMatchObject({ exitCode: 2 });
  });

  test('is not what a card takes', async () => {
    const { err, exitCode } = await cli('prog', 'load', join(folder, 'hash.o'), '/hash', 'dev', 'nicp0');
    expect(exitCode).not.toBe(0);
    expect(err).toContain("metadata kfuncs can't be offloaded");
  });
});

/** `jitnic ir`: the IR of a program, switches of the optimizer, times. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import wabt from 'wabt';
import { captureCli } from '../../src/cli/testing.js';

const object = fileURLToPath(new URL('../../bench/programs/array-count.o', import.meta.url));
const ir = (...flags: string[]): ReturnType<typeof captureCli> => captureCli(['ir', object, ...flags]);

describe('jitnic ir', () => {
  test('prints the program after all passes', async () => {
    const { out, exitCode } = await ir();
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^block 0\n/);
    expect(out).not.toContain('call map_lookup_elem');
  });

  test('prints it as it was translated with -O0', async () => {
    const { out } = await ir('-O0');
    expect(out).toContain('fill.512 stack[');
    expect(out).toContain('lookup ');
  });

  test('leaves one pass out with -O-pass', async () => {
    expect((await ir('-O-helpers')).out).toContain('lookup ');
  });

  test('prints the IR after the passes that are named', async () => {
    const { out } = await ir('--print-after', 'fold,cse', '--print-after', 'dce');
    expect(out.match(/^after .*$/gm)).toEqual(['after fold', 'after cse', 'after dce']);
  });

  test('times the passes on stderr, and prints the same', async () => {
    const plain = await ir();
    const timed = await ir('--time-passes');
    expect(timed.out).toBe(plain.out);
    expect(timed.err).toMatch(/^cse +\d+ +\d/m);
    expect(timed.err).toMatch(/^code +\d/m);
  });

  test('has sizes and times in JSON', async () => {
    const { schema, passes } = JSON.parse((await ir('-j', '-O1')).out);
    expect(schema).toBe('jitnic.ir/1');
    expect(passes[0].name).toBe('build');
    expect(passes.at(-1).insns).toBeLessThan(passes[0].insns);
    const { code } = JSON.parse((await ir('-j', '--time-passes')).out);
    expect(code.bytes).toBeGreaterThan(100);
    expect(code.ms).toBeGreaterThan(0);
  });

  test('writes the module that the program becomes', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'jitnic-ir-')), 'out.wasm');
    expect((await ir('-o', file)).out).toBe((await ir()).out);
    const text = (await wabt()).readWasm(new Uint8Array(readFileSync(file)), { readDebugNames: true }).toText({});
    expect(text).toMatch(/\(export "run" \(func (\$run|\d+)\)\)/);
    const plain = join(file, '..', 'plain.wasm');
    await ir('-O0', '-o', plain);
    expect(readFileSync(plain).length).toBeGreaterThan(readFileSync(file).length);
  });

  test('puts programs that tail calls reach in the module, each with its own facts', async () => {
    const knocking = fileURLToPath(new URL('../../examples/port-knocking/port-knocking.o', import.meta.url));
    const file = join(mkdtempSync(join(tmpdir(), 'jitnic-ir-')), 'out.wasm');
    expect((await captureCli(['ir', knocking, 'port_knocking', '-o', file])).exitCode).toBe(0);
    expect(readFileSync(file, 'latin1')).toContain('program_1');
  });

  test('does not write module and JSON to one stream', async () => {
    expect((await ir('-j', '-o', '-')).exitCode).toBe(2);
  });

  test.each([
    ['-O-csee', 'did you mean `cse`?'],
    ['-Owindwo=3', 'did you mean `window`?'],
    ['-O7', 'levels: 0 to 3'],
    ['--print-after=boundz', 'did you mean `bounds`?'],
  ])('refuses %s', async (flag, hint) => {
    const { exitCode, err } = await ir(flag);
    expect(exitCode).toBe(2);
    expect(err).toContain(hint);
  });
});

describe('jitnic run -O', () => {
  const example = fileURLToPath(new URL('../../examples/ipv6-filter/', import.meta.url));
  const run = (...flags: string[]): ReturnType<typeof captureCli> =>
    captureCli(['run', `${example}ipv6-filter.o`, '-r', `${example}traffic.pcap`, ...flags]);

  test('changes no verdict', async () => {
    const verdicts = async (...flags: string[]): Promise<unknown> =>
      JSON.parse((await run('-j', ...flags)).out).verdicts;
    expect(await verdicts('--engine', 'wasm', '-O0')).toEqual(await verdicts('--engine', 'interp'));
  });

  test('is refused where nothing is compiled', async () => {
    expect((await run('--engine', 'interp', '-O1')).exitCode).toBe(2);
  });
});

/** `jitnic scr`: analysis and objects for many cores, from the command line. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readPackets } from '../../src/cli/check/traffic.js';
import { captureCli } from '../../src/cli/testing.js';
import { pickProgram, readObject } from '../../src/object/index.js';
import { analyzeScr, buildScr, compareScr } from '../../src/scr/index.js';
import { loadMaps, parseMapsFile } from '../../src/vm/map-json.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'jitnic-scr-'));
afterAll(() => rmSync(folder, { recursive: true }));
const ddos = `${root}test/scr/ddos.o`;

describe('jitnic scr analyze', () => {
  test('says what is sent, and what it adds', async () => {
    const { exitCode, out } = await captureCli(['scr', 'analyze', ddos]);
    expect(exitCode).toBe(0);
    expect(out).toContain('ddos can be replicated: 4 bytes of metadata a packet');
    expect(out).toContain('packet bytes 26 to 29');
  });

  test('a program without state needs no replication', async () => {
    const { exitCode, out } = await captureCli(['scr', 'analyze', `${root}examples/ipv6-filter/ipv6-filter.o`]);
    expect([exitCode, out]).toEqual([0, expect.stringContaining('needs no replication')]);
  });

  test('the clock defect is named with its line, and exits 1', async () => {
    const { exitCode, out } = await captureCli(['scr', 'analyze', `${root}test/scr/scr-token-bucket.o`]);
    expect([exitCode, out]).toEqual([1, expect.stringMatching(/scr-token-bucket\.bpf\.c:35: .*\[clock-defect\]/)]);
  });
});

describe('jitnic scr build', () => {
  test('writes an object that the verifier accepts', async () => {
    const file = join(folder, 'scr.o');
    const built = await captureCli(['scr', 'build', ddos, '--cores', '3', '-o', file]);
    expect([built.exitCode, built.err]).toEqual([0, expect.stringContaining('`scr_ddos` for 3 cores, 22 bytes')]);
    const verified = await captureCli(['verify', file]);
    expect(verified.exitCode).toBe(0);
  });

  test.each([
    [['--cores', '60', '--frame', '1600'], 3, '--cores 19 fits'],
    [['--cores', '65'], 2, 'more than 64'],
    [[], 2, 'needs `--cores`'],
  ])('%j is refused', async (flags, code, what) => {
    const { exitCode, err } = await captureCli(['scr', 'build', ddos, ...flags, '-o', join(folder, 'none.o')]);
    expect([exitCode, err]).toEqual([code, expect.stringContaining(what)]);
  });

  test.each(['nat', 'load-balancer', 'firewall'])('%s on three cores equals the sequential run', async (name) => {
    const path = `${root}examples/${name}/${name}`;
    const object = readObject(readFileSync(`${path}.o`), { name });
    const { metadata } = analyzeScr(object, pickProgram(object));
    const packets = await readPackets(`${root}examples/${name}/traffic.pcap`, 120);
    const maps = parseMapsFile(readFileSync(`${path}.maps.json`, 'utf8'), name);
    const { difference, copies } = compareScr(metadata, buildScr(metadata, { cores: 3 }), packets, {
      engine: 'interp',
      fill: (machine) => loadMaps(machine, maps),
    });
    expect({ difference, copies }).toEqual({ difference: undefined, copies: 3 });
  });
});

/** Cards from the command line: by a daemon, and in one process. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { objectImage, parseImage, readObject, writeElf } from '../../src/object/index.js';
import { dispatcherName } from '../../src/offload/index.js';
import { stageChain, stagePackets } from '../../src/offload/testing.js';
import { encodeCapture } from '../../src/packet/index.js';
import { type Daemon, startDaemon } from '../../src/server/index.js';

let folder = '';
let daemon: Daemon;
const object = (): string => join(folder, 'f.o');
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-prog-'));
  const text = `.section xdp
.globl f
f:
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  r8 = r6
  r8 += 14
  if r8 > r7 goto out
  r1 = *(u16 *)(r6 + 12)
  if r1 == 8 goto out
  r0 = 1
  exit
out:
  r0 = 2
  exit
`;
  writeFileSync(object(), writeElf(parseImage(text)));
  const write = text.replace('r1 = *(u16 *)(r6 + 12)', 'r1 = *(u16 *)(r6 + 12)\n  r1 %= 3');
  writeFileSync(join(folder, 'refused.o'), writeElf(parseImage(write)));
  daemon = await startDaemon({
    state: join(folder, 'state'),
    socket: join(folder, 's'),
    sync: 'never',
    say: () => undefined,
  });
});
afterAll(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

const at = (...args: readonly string[]): ReturnType<typeof captureCli> =>
  captureCli([...args, '--socket', join(folder, 's')]);

describe('a daemon, in words of bpftool', () => {
  test('from card to attached program and back', async () => {
    expect(await at('device', 'add', 'nic', 'nfp4000', 'ports', '2')).toMatchObject({ exitCode: 0, err: '' });
    expect(await at('prog', 'load', object(), '/f', 'dev', 'nicp0')).toMatchObject({ exitCode: 0, err: '' });
    expect(await at('net', 'attach', 'xdpoffload', 'pinned', '/f', 'dev', 'nicp1')).toMatchObject({
      exitCode: 0,
      err: '',
    });
    expect((await at('net', 'show')).out).toBe('xdp:\nnicp1(2) offload id 1\n\ntc:\n\nflow_dissector:\n\n');
    expect((await at('prog', 'show')).out).toMatch(
      /^1: xdp {2}name f {2}tag [0-9a-f]{16} .*offloaded_to nicp0\n\tloaded_at \S+ {2}uid 0\n\txlated 88B {2}jited \d+B {2}machine nfp \(nfp4000\)/,
    );
    expect((await at('device', 'show', 'nic')).out).toContain('maps 0 of 256');
    const again = await at('net', 'attach', 'xdpoffload', 'id', '1', 'dev', 'nicp0');
    expect(again.exitCode).toBe(0);
    expect((await at('net', 'detach', 'xdpoffload', 'dev', 'nicp1')).exitCode).toBe(0);
    expect((await at('prog', 'dump', 'xlated', 'id', '1')).out).toContain('r0 = 2');
  });

  test('packets that arrive, and what programs tell who listens', async () => {
    const told = join(folder, 'told.o');
    writeFileSync(
      told,
      writeElf(
        parseImage(`.license "GPL"
.section xdp
.globl tell
tell:
  r6 = *(u32 *)(r1 + 0)
  *(u32 *)(r10 - 4) = 0x01020304
  r2 = events ll
  r3 = 0xffffffff ll
  r4 = r10
  r4 += -4
  r5 = 4
  call bpf_perf_event_output
  r0 = 2
  exit
.map events type=perf_event_array key=4 value=4 max_entries=4
`),
      ),
    );
    const capture = join(folder, 'three.pcap');
    writeFileSync(capture, encodeCapture(stagePackets(3).map((data) => ({ time: 0n, data }))));
    await at('device', 'add', 'core', 'hxdp');
    expect(await at('prog', 'load', told, '/tell', 'dev', 'corep0')).toMatchObject({ exitCode: 0 });
    await at('net', 'attach', 'xdpoffload', 'pinned', '/tell', 'dev', 'corep0');
    const { programs } = JSON.parse((await at('prog', 'show', 'pinned', '/tell', '-j')).out);
    const [map] = programs[0].map_ids as number[];
    // The first time begins to listen.
    const listening = at('map', 'event_pipe', 'id', String(map), 'count', '6');
    for (let isHeard = false; !isHeard; ) {
      await at('net', 'traffic', 'start', 't', 'file', capture, 'dev', 'corep0', 'rate', 'max', 'loops', '2');
      let shown = '';
      while (!shown.includes('done')) shown = (await at('net', 'traffic', 'show', 't')).out;
      expect(shown).toBe('t: dev corep0  done  6 packets of 6 arrived  6 to the stack\n\toffload: 6 pass\n');
      await at('net', 'traffic', 'stop', 't');
      isHeard = daemon.kernel.events.counts.delivered > 0;
    }
    const { out } = await listening;
    expect(out.match(/^== @\d+\.\d{9} CPU: 0 index: 0 =====\n04 03 02 01$/gm)).toHaveLength(6);
    expect((await at('net', 'traffic', 'stop', 't')).err).toContain('No such file or directory');
    expect((await at('net', 'traffic', 'start', 't', 'dev', 'corep0')).err).toContain('`file` is missing');
    expect((await captureCli(['net', 'traffic', 'show'])).err).toContain('traffic arrives at cards of a daemon');
  });

  test('maps on the card, and their errors', async () => {
    await at('device', 'add', 'sim', 'netdevsim');
    const words = ['type', 'hash', 'key', '4', 'value', '8', 'entries', '2', 'name', 'm', 'dev', 'simp0'];
    expect((await at('map', 'create', '/m', ...words)).out).toMatch(
      /^\d+: hash {2}name m {2}flags 0x0 {2}offloaded_to simp0\n/,
    );
    const zeros = '0 0 0 0 0 0 0'.split(' ');
    const m = ['pinned', '/m'];
    const update = (key: string, ...flags: readonly string[]): ReturnType<typeof at> =>
      at('map', 'update', ...m, 'key', key, '0', '0', '0', 'value', 'hex', '0a', ...zeros, ...flags);
    expect((await update('1')).err).toBe('');
    expect((await at('map', 'dump', ...m)).out).toBe(
      'key: 01 00 00 00  value: 0a 00 00 00 00 00 00 00\nFound 1 element\n',
    );
    expect((await update('1', 'noexist')).err).toContain('update failed: File exists');
    expect((await update('2')).exitCode).toBe(0);
    expect((await update('3')).err).toContain('Argument list too long');
    const next = await at('map', 'getnext', ...m, 'key', '1', '0', '0', '0');
    expect(next.out).toBe('key:\n01 00 00 00\nnext key:\n02 00 00 00\n');
    expect((await at('map', 'delete', ...m, 'key', '9', '0', '0', '0')).err).toContain('No such file or directory');
    expect(JSON.parse((await at('map', 'lookup', ...m, 'key', '2', '0', '0', '0', '-j')).out)).toMatchObject({
      schema: 'jitnic.map/1',
      answer: { key: ['0x02', '0x00', '0x00', '0x00'] },
    });
    await at('device', 'remove', 'sim');
    expect((await at('map', 'show', ...m)).err).toContain("can't get map info: No such device");
    expect((await at('map', 'unpin', '/m')).exitCode).toBe(0);
  });

  test('what the driver refuses is exit 1, with its log and our hint', async () => {
    const { exitCode, err } = await at('prog', 'load', join(folder, 'refused.o'), '/r', 'dev', 'nicp0');
    expect(exitCode).toBe(1);
    expect(err).toContain('[nfp] instruction 0x97 not supported');
    expect(err).toContain('hint: compile for an older instruction set');
    const preferred = await at(
      'prog',
      'load',
      join(folder, 'refused.o'),
      '/r',
      'dev',
      'nicp0',
      '--offload',
      'preferred',
    );
    expect(preferred).toMatchObject({ exitCode: 0, err: 'not on the card: [nfp] instruction 0x97 not supported\n' });
  });

  test('mistakes are said', async () => {
    expect((await at('prog', 'lod')).err).toContain('did you mean `load`?');
    expect((await at('net', 'attach', 'xdpoffload', 'id', '1')).err).toContain('`dev NAME` is missing');
    expect((await at('prog', 'show', 'id', '77')).err).toContain("can't get prog info: No such file or directory");
    const nobody = await captureCli(['prog', 'show', '--socket', join(folder, 'nobody')]);
    expect(nobody.exitCode).toBe(3);
    expect(nobody.err).toContain('start one: jitnic serve STATE');
  });
});

describe('one process', () => {
  test("the card's own code, by its offsets", async () => {
    const { exitCode, out } = await captureCli(['prog', 'dump', 'jited', object(), 'opcodes']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^bpf_prog_[0-9a-f]{16}_f:\n {5}0: {2}\S+\[/);
    expect(out).toMatch(/\n {7}([0-9a-f]{2} ){7}[0-9a-f]{2}\n/);
  });

  test('what a card can do, as macros too', async () => {
    const { out } = await captureCli(['feature', 'probe', 'dev', 'nicp0']);
    expect(out).toContain('eBPF map_type hash is available\n');
    expect(out).toContain('eBPF map_type lru_hash is NOT available\n');
    expect(out).toContain('\t- bpf_map_lookup_elem\n');
    const macros = await captureCli(['feature', 'probe', 'dev', 'nicp0', 'macros', 'prefix', 'NFP_']);
    expect(macros.out).toContain('#define NFP_NO_HAVE_LRU_HASH_MAP_TYPE\n');
  });
});

describe('a chain of tail calls in two stages', () => {
  const chain = (): string => join(folder, 'chain.o');
  beforeAll(() => {
    writeFileSync(chain(), writeElf(objectImage(stageChain)));
    writeFileSync(
      join(folder, 'chain.pcap'),
      encodeCapture(stagePackets(20).map((data, i) => ({ data, time: BigInt(i) }))),
    );
  });

  test('is written as two objects that read again, and decides as before', async () => {
    const [card, driver] = [join(folder, 'card.o'), join(folder, 'driver.o')];
    const { exitCode, out } = await captureCli([
      ...['prog', 'stages', chain(), 'card', 'parse,filter', 'output', card, driver],
      ...['check', join(folder, 'chain.pcap')],
    ]);
    expect({ exitCode, out }).toMatchObject({ exitCode: 0 });
    expect(out).toContain('on the card:   parse, filter\nin the driver: route, last\n');
    expect(out).toContain('filter leaves at instruction');
    expect(out).toMatch(/20 packets decided alike, \d+ packets of them in the driver\n$/);
    const names = (file: string): string[] =>
      readObject(new Uint8Array(readFileSync(file)), { name: file }).programs.map(({ name }) => name);
    expect(names(card)).toEqual(['card_parse', 'card_filter']);
    expect(names(driver)).toEqual([dispatcherName, 'route', 'last']);
  });

  test('as JSON', async () => {
    const { out } = await captureCli(['prog', 'stages', chain(), 'card', 'parse,filter', '-j']);
    const printed = JSON.parse(out) as { stages: { crossings: object[] } };
    expect(printed).toMatchObject({ operation: 'stages', stages: { card: ['parse', 'filter'] } });
    expect(printed.stages.crossings).toMatchObject([
      { program: 'parse', array: 'progs' },
      { program: 'filter', slot: 2 },
    ]);
  });

  test('slots are filled as a loader would, and mistakes in them are said', async () => {
    const stages = (...words: string[]): ReturnType<typeof captureCli> =>
      captureCli(['prog', 'stages', chain(), 'card', 'parse', ...words]);
    expect((await stages('slot', 'progs', '5', 'filter')).exitCode).toBe(0);
    expect((await stages('slot', 'prog', '5', 'filter')).err).toContain('did you mean `progs`?');
    expect((await stages('slot', 'progs', '9', 'filter')).err).toContain('`progs` has no slot 9');
    expect((await stages('slot', 'progs', '5', 'filtr')).err).toContain('filtr');
    expect((await captureCli(['prog', 'stages', chain()])).err).toContain('which programs are on the card?');
  });
});

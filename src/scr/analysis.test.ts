import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { assemble, type ObjectSpec, pickProgram, readObject } from '../object/index.js';
import { Verdicts } from '../verifier/index.js';
import { analyzeScr, type ScrAnalysis } from './analysis.js';
import { buildScr } from './build.js';
import { compareScr } from './equivalence.js';
import type { TimedPacket } from './sequencer-batch.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): ObjectSpec => readObject(readFileSync(`${root}${path}`), { name: path });
const analyze = (path: string, name?: string): ScrAnalysis => {
  const object = read(path);
  return analyzeScr(object, pickProgram(object, name));
};
const ofText = (text: string): ScrAnalysis => {
  const object = assemble(`.license "GPL"\n${text}`);
  return analyzeScr(object, pickProgram(object));
};
const codes = ({ findings }: ScrAnalysis): readonly string[] => findings.map(({ code }) => code);

/** Counts packets under the number that `first` leaves in r0. */
const countBy = (first: string, type = 'hash'): string => `
.map hits type=${type} key=4 value=8 max_entries=16
.section xdp
.globl f
f:
r6 = r1
${first}
*(u32 *)(r10 - 4) = r0
*(u64 *)(r10 - 16) = 1
r1 = hits ll
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto insert
r1 = *(u64 *)(r0 + 0)
if r1 > 5 goto drop
r1 += 1
*(u64 *)(r0 + 0) = r1
r0 = 2
exit
drop:
r0 = 1
exit
insert:
r1 = hits ll
r2 = r10
r2 += -4
r3 = r10
r3 += -16
r4 = 0
call bpf_map_update_elem
r0 = 2
exit
`;

/** Counts packets by a key that is not copied out of the packet. */
const keyInPacket = `
.map hits type=hash key=4 value=8 max_entries=16
.section xdp
.globl f
f:
r2 = *(u32 *)(r1 + 4)
r6 = *(u32 *)(r1 + 0)
r3 = r6
r3 += 34
if r3 > r2 goto out
r6 += 26
r1 = hits ll
r2 = r6
call bpf_map_lookup_elem
if r0 == 0 goto insert
r1 = 1
lock *(u64 *)(r0 + 0) += r1
out:
r0 = 2
exit
insert:
*(u64 *)(r10 - 8) = 1
r1 = hits ll
r2 = r6
r3 = r10
r3 += -8
r4 = 0
call bpf_map_update_elem
r0 = 1
exit
`;

/** Packets of a few flows over TCP, some of them of another kind or cut short. */
function packets(count: number, seed: number): TimedPacket[] {
  let state = seed;
  const below = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % n;
  };
  let time = 1000n;
  return Array.from({ length: count }, () => {
    const data = new Uint8Array(54 + below(20));
    data.set([8, 0, 0x45, 0, 0, 40], 12);
    data[23] = below(10) === 0 ? 17 : 6;
    data.set([10, 0, 0, below(4), 10, 0, 1, below(2), 0, below(3), 0, 100 + below(3)], 26);
    if (below(20) === 0) data[12] = 0x86;
    time += BigInt(below(300_000));
    return { data: below(30) === 0 ? data.slice(0, 14 + below(30)) : data, time };
  });
}

describe('metadata', () => {
  test.each([
    ['ddos', 4],
    ['heavy-hitter', 15],
    ['token-bucket', 18],
    ['port-knocking', 5],
  ])('%s: %i B a packet', (name, bytes) => {
    const { verdict, metadata } = analyze(`test/scr/${name}.o`);
    expect(verdict).toBe('replicable');
    expect(metadata.layout.metadataBytes).toBe(bytes);
  });

  test('is a condition where that is smaller than what it compares', () => {
    const { fields } = analyze('test/scr/port-knocking.o').metadata.layout;
    expect(fields.map(({ bits }) => bits)).toEqual([32, 1, 1, 1, 1, 1]);
  });

  test('has those bits alone that somebody looks at', () => {
    const { fields } = ofText(countBy('r0 = *(u32 *)(r1 + 4)\nr2 = *(u32 *)(r1 + 0)\nr0 -= r2\nr0 &= 0x30')).metadata
      .layout;
    expect(fields[0]?.bits).toBe(2);
  });

  test('has a key that is looked up where it lies in the packet', () => {
    const analysis = ofText(keyInPacket);
    expect(analysis.metadata.layout.fields.map(({ name, bits }) => [name, bits])).toEqual([['packet_26', 32]]);
    const built = buildScr(analysis.metadata, { cores: 3 });
    expect(compareScr(analysis.metadata, built, packets(300, 3), { engine: 'interp' }).difference).toBeUndefined();
    expect(Verdicts.of(built.object).accepts(...built.object.programs)).toBe(true);
  });

  test('there is none where nothing is written', () => {
    const { verdict, metadata } = analyze('examples/ipv6-filter/ipv6-filter.o');
    expect([verdict, metadata.layout.metadataBytes]).toEqual(['no state', 0]);
  });
});

describe('what cannot be replicated', () => {
  test.each([
    ['random', 'call bpf_get_prandom_u32'],
    ['cpu', 'call bpf_get_smp_processor_id'],
    ['other-clock', 'call bpf_ktime_get_coarse_ns'],
    ['queue-or-interface', 'r0 = *(u32 *)(r6 + 16)'],
  ])('%s', (code, first) => {
    const analysis = ofText(countBy(first));
    expect([analysis.verdict, codes(analysis)]).toEqual(['not replicable', [code]]);
  });

  test('is told with the line', () => {
    const [finding] = analyze('test/scr/scr-token-bucket.o').findings;
    expect([finding?.code, finding?.file, finding?.line]).toEqual(['clock-defect', 'scr-token-bucket.bpf.c', 35]);
    expect(finding?.what).toContain('times of two clocks');
  });

  test('a clock that is the same for all packets is no defect', () => {
    expect(codes(analyze('test/scr/token-bucket.o'))).toEqual([]);
  });

  test('programs that go on in others', () => {
    expect(codes(analyze('examples/port-knocking/port-knocking.o', 'port_knocking'))).toEqual(['tail-call']);
  });
});

describe('the built object does what the program does', () => {
  const trial = (analysis: ScrAnalysis, cores: number, engine: 'interp' | 'wasm' = 'wasm') =>
    compareScr(analysis.metadata, buildScr(analysis.metadata, { cores }), packets(300, cores), { engine });

  test.each(['ddos', 'heavy-hitter', 'token-bucket', 'port-knocking'])('%s, 1 to 14 cores', (name) => {
    const analysis = analyze(`test/scr/${name}.o`);
    for (const cores of [1, 3, 14]) {
      const { packets: run, present, copies, difference } = trial(analysis, cores);
      expect({ run, copies, difference }).toEqual({ run: 300, copies: cores, difference: undefined });
      expect(present).toBeGreaterThan(150);
    }
  });

  test.each(['hash', 'lru_hash', 'array'])('state in a map of type %s', (type) => {
    const first = 'r0 = *(u32 *)(r1 + 4)\nr2 = *(u32 *)(r1 + 0)\nr0 -= r2\nr0 &= 0x1f';
    expect(trial(ofText(countBy(first, type)), 3, 'interp').difference).toBeUndefined();
  });

  test('and a replay that forgets is found', () => {
    const { metadata } = analyze('test/scr/ddos.o');
    const built = buildScr(metadata, { cores: 3 });
    const [entry, ...lanes] = built.object.programs;
    // Replays return at once.
    const deaf = lanes.map((lane) => {
      const { start } = lane.functions.at(-1) ?? { start: 0 };
      const insns = lane.insns.map((each, pc) =>
        pc === start
          ? { code: 0xb7, dst: 0, src: 0, off: 0, imm: 0 }
          : pc === start + 1
            ? { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 }
            : each,
      );
      return { ...lane, insns };
    });
    const object = { ...built.object, programs: entry === undefined ? deaf : [entry, ...deaf] };
    const { difference } = compareScr(metadata, { ...built, object }, packets(600, 1), { engine: 'interp' });
    expect(difference).toBeDefined();
  });

  test('more cores than fit are refused with the number that fits', () => {
    const { metadata } = analyze('test/scr/ddos.o');
    const built = (cores: number) => buildScr(metadata, { cores, frameBytes: 1600 });
    expect(() => built(20)).toThrow(/20 cores put 90 B before each packet/);
    expect(built(19).addedBytes).toBe(86);
  });
});

import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { generateBatches, type PacketBatch, packetAt } from '../packet/index.js';
import { type BpfMap, dumpMaps } from '../vm/index.js';
import { parseMapsScript } from '../vm/map-script.js';
import { Session, type SessionOptions } from './index.js';

function sessionOf(object: ObjectSpec, options: SessionOptions): Session {
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  return new Session(object, program, { isEager: true, ...options });
}

/** All that a run leaves behind: packets with their fates, counters, maps. */
interface Left {
  readonly packets: readonly string[];
  readonly counters: Record<string, unknown>;
  readonly maps: string;
}

function runIn(session: Session, batches: readonly PacketBatch[], how: 'batches' | 'one by one'): Left {
  const packets: string[] = [];
  const note = (i: number): void => {
    const { verdict, bytes, redirect } = session.decided(i);
    packets.push(`${verdict} ${Buffer.from(bytes).toString('hex')} ${verdict === 4 ? JSON.stringify(redirect) : ''}`);
  };
  for (const batch of batches) {
    for (let at = 0; at < batch.count; ) {
      let ran = 1;
      if (how === 'batches') ran = session.runBatch(batch, at, Number.POSITIVE_INFINITY);
      else session.run(packetAt(batch, at));
      for (let i = 0; i < ran; i++) note(i);
      at += ran;
    }
  }
  expect(session.finish()).toBeUndefined();
  const { runtime, verdicts } = session;
  const { hits, misses, installs, evictions } = runtime;
  const traces = runtime.traces.map((trace) => `${trace.condition.text} ${trace.packets}`);
  const faults = [...runtime.faults.values()];
  const counters = { packets: runtime.packets, verdicts, hits, misses, installs, evictions, traces, faults };
  return { packets, counters, maps: JSON.stringify(dumpMaps(runtime.machine)) };
}

const traffic = (options: Parameters<typeof generateBatches>[0] = {}): PacketBatch[] => [
  ...generateBatches({
    seed: 3,
    packets: 400,
    flows: 150,
    popularity: { zipf: 1 },
    malformed: 0.05,
    vlan: 0.1,
    ...options,
  }),
];

/** Counts packets in slot 1, and answers what slot 0 says. */
const fates = assemble(`
  .map fates type=array key=4 value=8 max_entries=4
  .section xdp
  .globl main
main:
  r1 = 1
  *(u32 *)(r10 - 4) = r1
  r1 = fates ll
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r1 = fates ll
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r0 = *(u64 *)(r0 + 0)
out:
  exit`);

describe('packets in batches come out as one by one on the interpreter', () => {
  const names = ['load-balancer', 'lpm-router', 'nat', 'token-bucket'];
  for (const name of names) {
    it(name, () => {
      const { object, maps, verdicts } = openExample(name);
      const batches = traffic();
      const options = { maps, verdicts };
      const expected = runIn(sessionOf(object, { ...options, host: 'interp', card: false }), batches, 'one by one');
      const compiled = runIn(sessionOf(object, { ...options, host: 'wasm', card: false }), batches, 'batches');
      expect(compiled).toEqual(expected);
      // A small card, so that traces are evicted.
      const card = { ...options, cacheSize: 8 };
      const single = runIn(sessionOf(object, { ...card, host: 'interp' }), batches, 'one by one');
      expect({ packets: single.packets, maps: single.maps }).toEqual({
        packets: expected.packets,
        maps: expected.maps,
      });
      expect(runIn(sessionOf(object, { ...card, host: 'wasm' }), batches, 'batches')).toEqual(single);
    });
  }

  it('with per-CPU maps, several CPUs and clocks', () => {
    const { object, verdicts } = openExample('heavy-hitter');
    for (const clock of [
      { kind: 'step', ns: 0x1_8000_0001n },
      { kind: 'fixed', ns: 0x12_3456_789an },
    ] as const) {
      const options = { clock, cpus: 3, card: false, verdicts } as const;
      const batches = traffic();
      const expected = runIn(sessionOf(object, { ...options, host: 'interp' }), batches, 'one by one');
      expect(runIn(sessionOf(object, { ...options, host: 'wasm' }), batches, 'batches')).toEqual(expected);
    }
  });

  it('with changes of maps on the way, each seen from its packet on', () => {
    const script = parseMapsScript(`[
      {"at": {"packet": 5}, "op": "update", "map": "fates", "key": 0, "value": 1},
      {"at": {"packet": 6}, "op": "update", "map": "fates", "key": 0, "value": 2},
      {"at": "1500us", "op": "update", "map": "fates", "key": 0, "value": 3},
      {"at": {"packet": 2999}, "op": "update", "map": "fates", "key": 0, "value": 0}
    ]`);
    const options = { script: { changes: script }, card: false };
    const batches = traffic({ packets: 3000 });
    const expected = runIn(sessionOf(fates, { ...options, host: 'interp' }), batches, 'one by one');
    expect(expected.counters['verdicts']).toEqual({ ABORTED: 6, DROP: 1, PASS: 1495, TX: 1498, REDIRECT: 0 });
    expect(runIn(sessionOf(fates, { ...options, host: 'wasm' }), batches, 'batches')).toEqual(expected);
  });

  it('where there are fragments', () => {
    const [program] = fates.programs;
    if (program === undefined) throw new Error('no program');
    const frags = { ...fates, programs: [{ ...program, frags: true }] };
    const batches = traffic({ packets: 60, sizes: '1:64,1:3600,1:9000' });
    const expected = runIn(sessionOf(frags, { host: 'interp', card: false }), batches, 'one by one');
    expect(runIn(sessionOf(frags, { host: 'wasm', card: false }), batches, 'batches')).toEqual(expected);
    const longest = Math.max(...expected.packets.map((packet) => packet.length));
    expect(longest).toBeGreaterThan(2 * 9000);
  });
});

describe('what a program sees of its frame', () => {
  const tail = (offset: number): ObjectSpec =>
    assemble(`
      r6 = r1
      r2 = ${offset}
      call bpf_xdp_adjust_tail
      if r0 s< 0 goto out
      r1 = r6
      r2 = -200
      call bpf_xdp_adjust_head
      if r0 s< 0 goto out
      r2 = *(u32 *)(r6 + 0)
      r3 = *(u32 *)(r6 + 4)
      r4 = r2
      r4 += 200
      if r4 > r3 goto out
      r5 = *(u64 *)(r2 + 96)
      r5 += 1
      *(u64 *)(r2 + 96) = r5
      r0 = 3
      exit
    out:
      r0 = 1
      exit`);
  it('is the same in an arena: room at the tail up to the end of a page, and cleared headroom', () => {
    const verdicts = new Set<number>();
    for (const offset of [-20, 0, 100, 2100, 3400, 3460]) {
      const object = tail(offset);
      const batches = traffic({ packets: 400, sizes: '1:64,1:1400,1:60,1:1518' });
      const expected = runIn(sessionOf(object, { host: 'interp', card: false }), batches, 'one by one');
      expect(runIn(sessionOf(object, { host: 'wasm', card: false }), batches, 'batches')).toEqual(expected);
      expect(runIn(sessionOf(object, { host: 'wasm', check: true }), batches, 'batches').packets).toEqual(
        expected.packets,
      );
      for (const packet of expected.packets) verdicts.add(Number(packet[0]));
    }
    expect([...verdicts].sort()).toEqual([1, 3]);
  });
});

describe('--check in batches', () => {
  function runWithFault(fault: (session: Session, map: BpfMap) => void): Session {
    const session = sessionOf(fates, { host: 'wasm', card: false, check: true });
    const [batch] = traffic({ packets: 300 });
    const map = session.runtime.machine.maps[0];
    if (batch === undefined || map === undefined) throw new Error('nothing to run');
    expect(session.runBatch(batch, 0, 100)).toBe(100);
    expect(session.difference).toBeUndefined();
    // Behind the checker's back.
    fault(session, map);
    expect(session.runBatch(batch, 100, 100)).toBe(100);
    return session;
  }
  const word = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0, 0, 0, 0, 0);

  it('names the packet whose verdict differs', () => {
    const { difference } = runWithFault((_, map) => map.updateElem(Uint8Array.of(0, 0, 0, 0), word(2)));
    expect(difference).toMatchObject({ packet: 101, what: 'verdict', card: 'PASS', interpreter: 'ABORTED' });
  });

  it('names the packet that wrote last what differs', () => {
    const { difference } = runWithFault((_, map) => map.updateElem(Uint8Array.of(1, 0, 0, 0), word(2)));
    expect(difference).toMatchObject({ packet: 200, what: 'value of map fates +0x8', card: '102', interpreter: '200' });
  });

  it('finds in the end what only one side wrote', () => {
    const session = runWithFault((_, map) => map.updateElem(Uint8Array.of(2, 0, 0, 0), word(9)));
    expect(session.difference).toBeUndefined();
    expect(session.finish()).toMatchObject({ packet: 0, what: 'value of map fates +0x10', card: '9' });
  });
});

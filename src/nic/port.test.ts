/** What every card has to do, tried on the software card, walked and compiled, and on one of another kind. */
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../interp/index.js';
import { assemble } from '../object/index.js';
import { type RecordedTrace, Recorder } from '../trace/index.js';
import { Verdicts } from '../verifier/index.js';
import { columnsOf, dumpMaps, type LoadedProgram, Machine, PacketArena } from '../vm/index.js';
import { type ArenaOwner, type CardPort, CompiledCard, type InstalledTrace, reserveKeys, TraceTree } from './index.js';
import { LinearCard } from './testing.js';

/**
 * First byte 1: counts in `hits` and is dropped. 2: leaves its second byte in `seen`, and then passes if `mode` is 0,
 * else is sent back. Others: aborted. Too short: passes.
 */
const object = assemble(`
	.map hits type=array key=4 value=8 max_entries=1
	.map mode type=array key=4 value=8 max_entries=1
	.map seen type=hash key=4 value=8 max_entries=16
	.section xdp
	.globl main
main:
	r6 = *(u32 *)(r1 + 0)
	r2 = *(u32 *)(r1 + 4)
	r3 = r6
	r3 += 20
	r0 = 2
	if r3 > r2 goto out
	r7 = *(u8 *)(r6 + 0)
	r0 = 0
	if r7 == 1 goto count
	if r7 != 2 goto out
	r8 = *(u8 *)(r6 + 1)
	*(u32 *)(r10 - 4) = r8
	*(u64 *)(r10 - 16) = r7
	r1 = seen ll
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -16
	r4 = 0
	call bpf_map_update_elem
	r1 = 0
	*(u32 *)(r10 - 4) = r1
	r1 = mode ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 0)
	r2 = *(u64 *)(r0 + 0)
	r2 += r1
	r0 = 2
	if r1 == 0 goto out
	*(u8 *)(r6 + 2) = r7
	r0 = 3
	exit
count:
	r1 = 0
	*(u32 *)(r10 - 4) = r1
	r1 = hits ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
	r0 = 1
out:
	exit
`);

const packet = (...first: number[]): Uint8Array => {
  const data = new Uint8Array(24);
  data.set(first);
  return data;
};
const short = new Uint8Array(14);

/** A machine with a card and a host. */
class Bench {
  readonly machine = new Machine(object);
  readonly program: LoadedProgram = this.machine.programs[0] as LoadedProgram;
  readonly card: CardPort;
  private readonly host = new Interpreter(this.machine);
  private readonly recorder = new Recorder(this.machine);

  constructor(make: Maker) {
    this.card = make(this.machine, this.program);
  }

  /** Records the packet's path, and lets it pass. */
  record(data: Uint8Array): RecordedTrace {
    const { machine, recorder, host, program } = this;
    machine.setPacket({ data });
    machine.transaction.begin();
    recorder.start(program, host.registers);
    host.observer = recorder;
    const recording = recorder.finish(host.run(program));
    host.observer = null;
    machine.transaction.rollback();
    if (recording.kind === 'abort') throw new Error(recording.site.code);
    return recording.trace;
  }

  install(data: Uint8Array): InstalledTrace {
    const installed = this.card.install(this.record(data));
    if (installed === undefined) throw new Error('not installed');
    return installed;
  }

  offer(data: Uint8Array): ReturnType<CardPort['offer']> {
    this.machine.setPacket({ data });
    return this.card.offer();
  }

  /** All that a packet can leave behind, and what is left of the packet. */
  left(): string {
    return JSON.stringify([dumpMaps(this.machine), [...this.machine.lane.packet.bytes()], this.machine.memory.journal]);
  }

  setMode(mode: number): void {
    this.machine.maps[1]?.updateElem(new Uint8Array(4), new Uint8Array([mode, 0, 0, 0, 0, 0, 0, 0]));
  }
}

type Maker = (machine: Machine, program: LoadedProgram) => CardPort;

const compiled: Maker = (machine, program) => {
  const keys = reserveKeys(machine);
  const tree = new TraceTree(machine, keys);
  return new CompiledCard({
    machine,
    program,
    tree,
    keys,
    verdicts: Verdicts.trusting(),
    numberOf: () => 7,
    patience: 1,
  });
};

const makers: readonly (readonly [string, Maker])[] = [
  ['software, walked', (machine) => new TraceTree(machine, reserveKeys(machine))],
  ['software, compiled', compiled],
  ['linear', (machine) => new LinearCard(machine)],
];

/** What an interpreter makes of packets, one after another. */
function expected(packets: readonly Uint8Array[], mode = 0): { verdicts: number[]; left: string } {
  const bench = new Bench((machine) => new TraceTree(machine, reserveKeys(machine)));
  bench.setMode(mode);
  const host = new Interpreter(bench.machine);
  const verdicts = packets.map((data) => {
    bench.machine.setPacket({ data });
    return host.run(bench.program).verdict;
  });
  return { verdicts, left: bench.left() };
}

/** Who offers packets of an arena and writes down what he is told. */
class Listener implements ArenaOwner {
  readonly told: string[] = [];
  readonly inOrder: boolean;

  constructor(inOrder: boolean) {
    this.inOrder = inOrder;
  }

  numberOf(): number {
    return 7;
  }

  hit(trace: InstalledTrace, packets: number): void {
    for (let i = 0; i < packets; i++) this.told.push(`verdict ${trace.trace.verdict}`);
  }

  taken(from: number, to: number): void {
    for (let i = from; i < to; i++) this.told.push(`packet ${i}`);
  }

  decided(): void {}
}

describe.each(makers)('a card: %s', (_name, make) => {
  it('decides the packets of its traces as the host would, again and again', () => {
    const bench = new Bench(make);
    const one = bench.install(packet(1));
    const two = bench.install(packet(2, 5));
    const packets = [packet(1), packet(2, 9), packet(1, 4), packet(2, 3), packet(2, 9), packet(1)];
    const offers = packets.map((data) => {
      const offered = bench.offer(data);
      bench.card.refresh();
      return offered;
    });
    expect(offers).toEqual([one, two, one, two, two, one]);
    const { verdicts, left } = expected(packets);
    expect(offers.map((offered) => (offered.kind === 'hit' ? offered.trace.verdict : -1))).toEqual(verdicts);
    expect(bench.left()).toBe(left);
  });

  it('leaves packets alone that are none of its traces', () => {
    const bench = new Bench(make);
    bench.install(packet(1));
    bench.install(packet(2, 5));
    for (const data of [packet(3), packet(0, 1), short]) {
      bench.machine.setPacket({ data });
      const before = bench.left();
      expect(bench.card.offer().kind).toBe('miss');
      expect(bench.left()).toBe(before);
      bench.card.refresh();
    }
  });

  it('takes back what a trace did before it found that the packet is not its own', () => {
    const bench = new Bench(make);
    bench.install(packet(2, 5));
    bench.setMode(1);
    for (const data of [packet(2, 1), packet(2, 2), packet(2, 1)]) {
      bench.machine.setPacket({ data });
      const before = bench.left();
      expect(bench.card.offer().kind).toBe('miss');
      expect(bench.left()).toBe(before);
      bench.card.refresh();
    }
    const other = bench.install(packet(2, 5));
    expect(bench.offer(packet(2, 1))).toBe(other);
    expect(bench.left()).toBe(expected([packet(2, 1)], 1).left);
  });

  it('has an exit for each miss, however many of them are under way', () => {
    const bench = new Bench(make);
    bench.install(packet(1));
    bench.install(packet(2, 5));
    for (let round = 0; round < 3; round++) {
      const offers = [packet(3), short, packet(4), short].map((data) => bench.offer(data));
      const [three, tiny, four, again] = offers;
      expect(offers.map(({ kind }) => kind)).toEqual(['miss', 'miss', 'miss', 'miss']);
      // Looked at when all four have been offered: each still says where its packet left.
      expect(four).toBe(three);
      expect(again).toBe(tiny);
      expect(tiny).not.toBe(three);
      if (three?.kind === 'miss') expect(three.parent()?.installed.trace.verdict).toBeDefined();
      if (tiny?.kind === 'miss') expect(tiny.parent()).toBeUndefined();
      bench.offer(packet(1));
      bench.card.refresh();
    }
  });

  it('forgets a trace that is evicted, and no other', () => {
    const bench = new Bench(make);
    const one = bench.install(packet(1));
    const two = bench.install(packet(2, 5));
    for (let i = 0; i < 3; i++) {
      bench.offer(packet(1));
      bench.card.refresh();
    }
    bench.card.evict(one);
    expect(bench.offer(packet(1)).kind).toBe('miss');
    expect(bench.offer(packet(2, 1))).toBe(two);
    bench.card.refresh();
    const back = bench.install(packet(1));
    expect(bench.offer(packet(1))).toBe(back);
  });

  it('says when it has a trace already', () => {
    const bench = new Bench(make);
    bench.install(packet(1));
    expect(bench.card.install(bench.record(packet(1, 7)))).toBeUndefined();
    expect(bench.offer(packet(1)).kind).toBe('hit');
  });

  it('holds as many traces as it says, of those that it does not refuse', () => {
    const bench = new Bench(make);
    expect(bench.card.name).toMatch(/^[a-z]+$/);
    const traces = [packet(1), packet(2), packet(3), short].map((data) => bench.record(data));
    expect(bench.card.capacity).toBeGreaterThanOrEqual(traces.length);
    for (const trace of traces) {
      expect(bench.card.refusal(trace)).toBeUndefined();
      expect(bench.card.install(trace)).toBeDefined();
    }
  });

  it.each([true, false])('decides packets of an arena up to the first that misses, told in order: %s', (inOrder) => {
    const bench = new Bench(make);
    bench.install(packet(1));
    bench.install(packet(2, 5));
    const { machine, card } = bench;
    for (let i = 0; i < 3; i++) {
      bench.offer(packet(1));
      card.refresh();
    }
    const before = 3;
    const packets = [packet(1), packet(2, 9), packet(1), packet(3), packet(2, 3), short, packet(1)];
    const arena = new PacketArena(machine, { moves: 'none' });
    arena.load(Uint8Array.from(packets.flatMap((data) => [...data])));
    arena.add(columnsOf(packets.map(({ length }) => length)), 0, packets.length, 0);
    const owner = new Listener(inOrder);
    const exits: unknown[] = [];
    const missed: number[] = [];
    for (let at = 0; at < packets.length; at++) {
      const { decided, exit } = card.offerArena(arena, at, packets.length, owner);
      at += decided;
      if (exit === undefined) break;
      missed.push(at);
      exits.push(exit);
    }
    expect(missed).toEqual([3, 5]);
    expect(exits[0]).not.toBe(exits[1]);
    expect(owner.told.filter((line) => line.startsWith('packet'))).toEqual([0, 1, 2, 4, 6].map((i) => `packet ${i}`));
    expect(owner.told.filter((line) => line === 'verdict 1')).toHaveLength(3);
    expect(owner.told.filter((line) => line === 'verdict 2')).toHaveLength(2);
    const hits = [0, 1, 2, 4, 6];
    const { verdicts } = expected(packets);
    for (const i of hits) {
      expect(arena.verdict(i)).toBe(verdicts[i]);
      expect(arena.trace(i)).toBe(7);
    }
    const taken = hits.map((i) => packets[i] as Uint8Array);
    const { left } = expected([...Array.from({ length: before }, () => packet(1)), ...taken]);
    expect(JSON.stringify(dumpMaps(machine))).toBe(JSON.stringify(JSON.parse(left)[0]));
  });
});

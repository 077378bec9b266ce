import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../interp/index.js';
import { assemble, type ObjectSpec } from '../../object/index.js';
import { Prng } from '../../packet/index.js';
import { defaultLimits, type RecordedTrace, Recorder } from '../../trace/index.js';
import { Machine } from '../../vm/index.js';
import { shippedCard } from '../cards/index.js';
import type { CardDescription } from '../description.js';
import { hazardStrategies } from '../parameters.js';
import { PipelineMachine } from './execute.js';
import { HazardClock, type HazardStrategy } from './hazards.js';
import { lowerTrace, type PipelinedTrace } from './lower.js';

const card = shippedCard('pipeline') as CardDescription;

/** A program that looks an element up by the packet's first byte, and does something with its value in r1. */
function counting(change: string, map = 'type=array key=4 value=8 max_entries=8'): ObjectSpec {
  return assemble(`.map counts ${map}
    .section xdp
    .globl f
    f:
    r6 = *(u32 *)(r1 + 0)
    r7 = *(u32 *)(r1 + 4)
    r2 = r6
    r2 += 14
    if r2 > r7 goto out
    r8 = *(u8 *)(r6 + 0)
    r8 &= 7
    *(u32 *)(r10 - 4) = r8
    r1 = counts ll
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto out
    ${change}
    r0 = 1
    exit
    out:
    r0 = 2
    exit`);
}

/** A counter: what a memory's own unit can do. */
const counter = `r1 = *(u64 *)(r0 + 0)
    r1 += 1
    *(u64 *)(r0 + 0) = r1`;
/** A recurrence with three multiplications between read and write: nothing that commutes. */
const recurrence = `r1 = *(u64 *)(r0 + 0)
    r1 *= 1000003
    r3 = *(u8 *)(r6 + 1)
    r1 += r3
    r1 *= 40503
    r1 ^= r3
    r1 *= 65599
    *(u64 *)(r0 + 0) = r1`;
/** What is read decides what happens: a token that is taken while there are some. */
const token = `r1 = *(u64 *)(r0 + 0)
    if r1 > 1000 goto out
    r1 += 7
    *(u64 *)(r0 + 0) = r1`;

interface Recorded {
  readonly trace: RecordedTrace;
  readonly lowered: PipelinedTrace;
}

/** The trace that a packet records on a machine of its own. */
function record(object: ObjectSpec, data: Uint8Array): Recorded {
  const machine = new Machine(object);
  const [program] = machine.programs;
  if (program === undefined) throw new Error('no program');
  const interpreter = new Interpreter(machine);
  const recorder = new Recorder(machine, defaultLimits, undefined);
  machine.setPacket({ data, ingressIfindex: 1 });
  recorder.start(program, interpreter.registers, undefined);
  interpreter.observer = recorder;
  const recording = recorder.finish(interpreter.run(program));
  if (recording.kind !== 'trace') throw new Error(`no trace: ${recording.site.code}`);
  const lowered = lowerTrace(recording.trace.code, object.maps, card);
  if (lowered.kind === 'refused') throw new Error(lowered.what);
  return { trace: recording.trace, lowered };
}

/** Packets of a few flows. */
function stream(packets: number, flows: number, seed = 3): Uint8Array[] {
  const random = new Prng(seed);
  return Array.from({ length: packets }, () => {
    const data = new Uint8Array(60);
    data[0] = random.below(flows);
    data[1] = random.below(256);
    return data;
  });
}

/** Map contents and verdicts as the interpreter leaves them, packet by packet. */
function sequential(object: ObjectSpec, packets: readonly Uint8Array[]): Uint8Array {
  const machine = new Machine(object);
  const interpreter = new Interpreter(machine);
  for (const data of packets) {
    machine.setPacket({ data, ingressIfindex: 1 });
    interpreter.run(machine.programs[0] as (typeof machine.programs)[0]);
  }
  return contents(machine);
}

function contents(machine: Machine): Uint8Array {
  const all = new Uint8Array(64);
  const key = new Uint8Array(4);
  for (let i = 0; i < 8; i++) {
    key[0] = i;
    const value = machine.maps[0]?.lookupElem(key);
    if (value instanceof Uint8Array) all.set(value, 8 * i);
  }
  return all;
}

function pipelined(
  object: ObjectSpec,
  packets: readonly Uint8Array[],
  strategy: HazardStrategy | 'none',
  it: Recorded,
) {
  const machine = new Machine(object);
  const pipeline = new PipelineMachine(machine, strategy, 4);
  const loaded = { code: it.trace.code, lowered: it.lowered };
  const results = pipeline.run(packets, () => loaded);
  return { pipeline, results, contents: contents(machine) };
}

describe.each([
  ['a counter', counter],
  ['a recurrence', recurrence],
])('%s, packets interleaved', (_, change) => {
  const object = counting(change);
  const packets = stream(400, 3);
  const it0 = record(object, packets[0] as Uint8Array);
  const truth = sequential(object, packets);

  it('comes out wrong where nobody minds hazards', () => {
    expect(pipelined(object, packets, 'none', it0).contents).not.toEqual(truth);
  });

  it.each(hazardStrategies)('comes out as in the interpreter with %s', (strategy) => {
    const { contents: left, results, pipeline } = pipelined(object, packets, strategy, it0);
    expect(left).toEqual(truth);
    expect(results.every(({ holds }) => holds)).toBe(true);
    expect(results).toHaveLength(packets.length);
    // A counter is what atomic units are for; everything else collides.
    if (strategy === 'atomic' && change === counter) expect(pipeline.collisions).toBe(0);
    else expect(pipeline.collisions).toBeGreaterThan(50);
  });
});

describe('a read that decides', () => {
  it('is not read too early either: tokens are taken one by one', () => {
    const object = counting(token);
    const packets = stream(300, 2);
    const it0 = record(object, packets[0] as Uint8Array);
    // Up to the packet whose guard fails, all take this path; the pipeline must see the same ones fail.
    const machine = new Machine(object);
    const interpreter = new Interpreter(machine);
    const verdicts = packets.map((data) => {
      machine.setPacket({ data, ingressIfindex: 1 });
      return interpreter.run(machine.programs[0] as (typeof machine.programs)[0]).verdict;
    });
    expect(verdicts).toContain(2);
    for (const strategy of hazardStrategies) {
      const { results, contents: left } = pipelined(object, packets, strategy, it0);
      expect(
        results.map(({ holds }) => (holds ? 1 : 2)),
        strategy,
      ).toEqual(verdicts);
      expect(left, strategy).toEqual(contents(machine));
    }
    const { results } = pipelined(object, packets, 'none', it0);
    expect(results.map(({ holds }) => (holds ? 1 : 2))).not.toEqual(verdicts);
  });
});

describe('what a strategy costs', () => {
  const object = counting(recurrence);
  const packets = stream(500, 1);
  const it0 = record(object, packets[0] as Uint8Array);
  const access = (strategy: HazardStrategy): number => {
    const reads = it0.lowered.accesses.filter(({ value }) => value.op === 'load');
    const writes = it0.lowered.accesses.filter(({ write }) => write !== undefined);
    const clock = new HazardClock(strategy, 4);
    let cycle = 0;
    for (const _ of packets)
      cycle =
        clock.enter(cycle, [{ map: 0, key: 1, read: reads[0]?.read, write: writes[0]?.write, isAtomic: false }]) + 1;
    return cycle;
  };

  it.each(hazardStrategies)('is what the clock of collisions says: %s', (strategy) => {
    const { pipeline } = pipelined(object, packets, strategy, it0);
    const executed = pipeline.cycles - it0.lowered.stages.length;
    expect(Math.abs(executed / access(strategy) - 1)).toBeLessThan(0.02);
  });

  it('on one key is a packet in L cycles at most, L from read to write, if values are forwarded', () => {
    const read = it0.lowered.accesses.find(({ value }) => value.op === 'load')?.read ?? 0;
    const write = it0.lowered.accesses.find((each) => each.write !== undefined)?.write ?? 0;
    const { pipeline } = pipelined(object, packets, 'forward', it0);
    expect(write - read).toBeGreaterThan(8);
    expect((pipeline.cycles - it0.lowered.stages.length) / packets.length).toBeLessThanOrEqual(write - read + 0.1);
  });

  it('is nothing where packets are of different elements, and one cycle a packet', () => {
    const apart = Array.from({ length: 64 }, (_, i) =>
      Uint8Array.from({ length: 60 }, (__, b) => (b === 0 ? i % 8 : 0)),
    );
    const counts = counting(counter);
    const recorded = record(counts, apart[0] as Uint8Array);
    for (const strategy of hazardStrategies) {
      const { pipeline } = pipelined(counts, apart, strategy, recorded);
      expect(pipeline.collisions, strategy).toBe(0);
      expect(pipeline.cycles).toBe(63 + recorded.lowered.stages.length);
    }
  });
});

describe('a trace as stages', () => {
  it('matches fields in front, and does to others nothing before all guards are known', () => {
    const object = counting(token);
    const { lowered, trace } = record(object, new Uint8Array(60));
    expect(lowered.matched).toBeGreaterThan(0);
    const guards = trace.code.values.filter(({ op }) => op === 'guard').length;
    expect(lowered.matched).toBeLessThan(guards);
    for (const { write } of lowered.accesses)
      if (write !== undefined) expect(write).toBeGreaterThanOrEqual(lowered.commit);
    // Arguments come out of earlier stages.
    for (const [value, stage] of lowered.stageOf)
      for (const arg of value.args) {
        const before = lowered.stageOf.get(arg);
        if (before !== undefined) expect(before).toBeLessThan(stage);
      }
    // No stage has more operations than slots, but for memories and units.
    for (const stage of lowered.stages)
      expect(stage.filter(({ op }) => op !== 'load' && op !== 'store' && op !== 'lookup').length).toBeLessThanOrEqual(
        4,
      );
  });

  it('is refused with what it takes and what there is, or goes round', () => {
    const { trace } = record(counting(recurrence), new Uint8Array(60));
    const shipped = [...card.parameters];
    const like = (changes: Readonly<Record<string, number>>): CardDescription => ({
      ...card,
      parameters: new Map(
        shipped.map(([path, each]) => [path, path in changes ? { ...each, value: changes[path] ?? 0 } : each]),
      ),
    });
    const { maps } = counting(recurrence);
    const twice = lowerTrace(trace.code, maps, like({ 'limits.memory_operations': 1, 'limits.passes': 4 }));
    expect(twice.kind === 'pipelined' && twice.passes).toBeGreaterThan(1);
    const never = lowerTrace(trace.code, maps, like({ 'limits.memory_operations': 1, 'limits.passes': 1 }));
    expect(never).toEqual({
      kind: 'refused',
      what: expect.stringMatching(/stages with \d operations on memory, and the card has \d+ with 1, 1 times/),
    });
    const few = lowerTrace(trace.code, maps, like({ 'limits.operations': 3 }));
    expect(few).toEqual({ kind: 'refused', what: expect.stringMatching(/^\d+ operations, and the card does 3$/) });
  });
});

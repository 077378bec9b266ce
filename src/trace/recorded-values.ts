/**
 * The values of one recording: the graph that they are built in, what each was for this packet (its *sample*), and
 * what the guards so far say of them.
 */

import { Facts } from '../condition/index.js';
import { evaluate, Graph, isConst, mask64, mayFail, type Value } from '../ir/index.js';
import { staticIn } from '../jit/index.js';
import type { Machine } from '../vm/index.js';
import { TraceAbort } from './aborts.js';
import { readsState } from './guard-path.js';

/** A value whose sample was read off the machine, and how many instructions had been begun by then. */
export interface Sampled {
  readonly value: Value;
  readonly step: number;
}

/** Makes values, samples them and guards on them. */
export class RecordedValues {
  readonly graph: Graph;
  readonly facts: Facts = new Facts();
  /** Guards in the order of the program. */
  readonly guards: Value[] = [];
  readonly sampled: Sampled[] = [];
  /** Bytes of metadata that the packet came with. */
  readonly arrivedMeta: bigint;
  /** Instructions begun. */
  step = 0;
  private readonly machine: Machine;
  private readonly maxGuards: number;
  private readonly samples = new Map<Value, bigint>();
  private readonly state = new Map<Value, boolean>();
  private readonly onGuard: () => void;

  /**
   * Call it when the packet is in the machine. `onGuard` is called before each guard that is recorded; `graph` holds
   * what is there already.
   */
  constructor(machine: Machine, maxGuards: number, onGuard: () => void, graph: Graph = new Graph()) {
    this.machine = machine;
    this.maxGuards = maxGuards;
    this.onGuard = onGuard;
    this.graph = graph;
    const { packet } = machine.lane;
    this.setSample(this.graph.length, BigInt(packet.linearLength));
    this.arrivedMeta = BigInt(packet.metaLength);
  }

  /**
   * Takes over guards and samples of a trace that went the same way until here. The samples are set as the packet gets
   * there.
   */
  inherit(guards: readonly Value[], sampled: readonly Sampled[]): void {
    for (const guard of guards) {
      this.guards.push(guard);
      if (guard.detail?.kind === 'guard') this.facts.assert(guard.args[0] as Value, guard.detail.expect);
    }
    this.sampled.length = 0;
    this.sampled.push(...sampled);
  }

  /**
   * Something that was recorded so far may fail after the early guards have held. What is evaluated early runs before
   * it, so a look-up that leaves a mark on its element (LRU) must not: packets that fail here would mark what their
   * program may never look up.
   */
  get mayFailLate(): boolean {
    return this.graph.code.some((value) => (value.op === 'guard' && !value.early) || mayFail(value));
  }

  /** What the value was for this packet. */
  sample(value: Value): bigint {
    if (value.op === 'const') return value.imm;
    const known = this.samples.get(value);
    if (known !== undefined) return known;
    return evaluate(
      value,
      (leaf) => {
        const fixed = staticIn(this.machine, leaf);
        if (fixed !== undefined) return fixed;
        if (leaf.op !== 'ptr') throw new TraceAbort('desync', `no sample of ${leaf.op}`);
        return this.machine.lane.packet.pointerTo(this.sample(leaf.args[0] as Value));
      },
      this.samples,
    );
  }

  /** Says what a value was for this packet; side traces replay it by the step at which it became known. */
  setSample(value: Value, sample: bigint): void {
    if (isConst(value)) return;
    if (!this.samples.has(value)) this.sampled.push({ value, step: this.step });
    this.samples.set(value, sample & mask64);
  }

  /** Sets the sample of a value that was inherited. */
  resample(value: Value, sample: bigint): void {
    this.samples.set(value, sample & mask64);
  }

  /** Does a comparison say something that the guards so far do not? */
  isOpen(condition: Value): boolean {
    return !isConst(condition) && this.facts.decide(condition) === undefined;
  }

  /**
   * Does a value hang on what maps hold, or on the time? Else it is a matter of the packet alone: its bytes, length
   * and context.
   */
  isState(value: Value): boolean {
    const { state } = this;
    // With a stack of its own: a chain of thousands of values is recorded before it is found to be too deep.
    const open = [value];
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const unknown = state.has(top) ? undefined : top.args.find((arg) => !state.has(arg));
      if (unknown !== undefined) {
        open.push(unknown);
        continue;
      }
      if (!state.has(top)) state.set(top, readsState(top) || top.args.some((arg) => state.get(arg) === true));
      open.pop();
    }
    return state.get(value) === true;
  }

  /** The path goes on only if the comparison comes out like this. */
  guard(condition: Value, expect: boolean): void {
    if (isConst(condition)) {
      if ((condition.imm !== 0n) !== expect) throw new TraceAbort('desync', 'constant guard');
      return;
    }
    const known = this.facts.decide(condition);
    if (known !== undefined) {
      if (known !== expect) throw new TraceAbort('desync', 'contradicting guard');
      return;
    }
    if (this.guards.length >= this.maxGuards) throw new TraceAbort('too-many-guards');
    this.onGuard();
    this.guards.push(this.graph.effect('guard', [condition], 0n, { kind: 'guard', expect }));
    this.facts.assert(condition, expect);
  }

  /** Guards that the value is what `pointer` points to, and returns that. */
  pin(value: Value, pointer: Value): Value {
    if (value !== pointer) this.guard(this.graph.make('eq', value, pointer), true);
    return pointer;
  }

  /**
   * Guards that the value is what it is now, and returns that as a constant. Not for pointers, which are no numbers.
   */
  specialise(value: Value): Value {
    if (isConst(value)) return value;
    const constant = this.graph.constant(this.sample(value));
    this.guard(this.graph.make('eq', value, constant), true);
    return constant;
  }
}

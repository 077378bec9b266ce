/**
 * The values of one recording: the graph that they are built in, what each was for this packet (its *sample*), and what the guards so far say of them.
 */
import { evaluate, Graph, isConst, mask64, type Value } from '../ir/index.js';
import { headroom, type Machine } from '../vm/index.js';
import { TraceAbort } from './aborts.js';
import { Facts } from './facts.js';

export class RecordedValues {
  readonly graph: Graph = new Graph();
  readonly facts: Facts = new Facts();
  private readonly machine: Machine;
  private readonly maxGuards: number;
  private readonly samples = new Map<Value, bigint>();
  private guards = 0;

  /** Call it when the packet is in the machine. */
  constructor(machine: Machine, maxGuards: number) {
    this.machine = machine;
    this.maxGuards = maxGuards;
    const { packet } = machine;
    this.setSample(this.graph.length, BigInt(packet.dataEnd - packet.data));
  }

  /** What the value was for this packet. */
  sample(value: Value): bigint {
    if (value.op === 'const') return value.imm;
    const known = this.samples.get(value);
    if (known !== undefined) return known;
    return evaluate(
      value,
      (leaf) => {
        if (leaf.op !== 'ptr') throw new TraceAbort('desync', `no sample of ${leaf.op}`);
        return (BigInt(this.machine.packet.region.start + headroom) + this.sample(leaf.args[0] as Value)) & mask64;
      },
      this.samples,
    );
  }

  setSample(value: Value, sample: bigint): void {
    if (!isConst(value)) this.samples.set(value, sample & mask64);
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
    if (++this.guards > this.maxGuards) throw new TraceAbort('too-many-guards');
    this.graph.effect('guard', [condition], 0n, { kind: 'guard', expect });
    this.facts.assert(condition, expect);
  }

  /** Guards that the value is what it is now, and returns that as a constant. */
  specialise(value: Value): Value {
    if (isConst(value)) return value;
    const constant = this.graph.constant(this.sample(value));
    this.guard(this.graph.make('eq', value, constant), true);
    return constant;
  }
}

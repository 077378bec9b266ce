/**
 * The protocol in small: a few cores, a few packets, one set of losses, and one way through all that may happen. Who
 * goes through all ways is `explore` (coherence/explore.ts).
 */
import type { Explored, Walk } from '../../coherence/index.js';
import { exploreWalks } from '../../coherence/index.js';
import { logEntries, type RecoveryProtocol } from './protocol.js';
import {
  CompiledRecovery,
  type RecoveryArrivals,
  RecoveryRun,
  type RecoverySetup,
  type RecoveryWitness,
} from './run.js';

/** A world. */
export interface RecoveryWorld {
  readonly protocol: RecoveryProtocol;
  readonly cores: number;
  readonly packets: number;
  /** Bit n - 1: packet n is lost on its way. */
  readonly losses: number;
  /** Of a log; default {@link logEntries}, of which so few packets use no place twice. */
  readonly entries?: number;
}

/** What is fixed once the losses are. */
class Plan {
  readonly world: RecoveryWorld;
  readonly compiled: CompiledRecovery;
  /** Numbers that reach each core, in order. */
  readonly received: readonly (readonly number[])[];
  /** No core ever gets the item of number n, at n. */
  readonly isLostForAll: readonly boolean[];
  readonly entries: number;

  constructor(world: RecoveryWorld, compiled: CompiledRecovery) {
    this.world = world;
    this.compiled = compiled;
    const { cores, packets, losses, protocol } = world;
    const last = packets + (protocol.heartbeats ? cores : 0);
    // More entries than numbers are as good as 1,024, and a state is shorter.
    this.entries = Math.min(world.entries ?? logEntries, last + 1);
    const isReceived = (n: number): boolean => n <= last && (n > packets || ((losses >> (n - 1)) & 1) === 0);
    const numbers = Array.from({ length: last }, (_, i) => i + 1);
    this.received = Array.from({ length: cores }, (_, core) =>
      numbers.filter((n) => n % cores === core && isReceived(n)),
    );
    this.isLostForAll = [
      false,
      ...numbers.map((n) => Array.from({ length: cores }, (_, i) => n + i).every((carrier) => !isReceived(carrier))),
    ];
  }
}

/** One way through a world, as far as it has come. */
export class RecoveryWalk implements Walk, RecoveryWitness, RecoveryArrivals {
  private readonly plan: Plan;
  private readonly run: RecoveryRun;
  /** How many of its packets each core has taken. */
  private readonly taken: Uint8Array;
  private wrong: string | undefined;
  /** Cores that gave up. */
  private fallen = 0;

  constructor(plan: Plan, like?: RecoveryWalk) {
    this.plan = plan;
    const { world, entries, compiled } = plan;
    const setup: RecoverySetup = {
      protocol: world.protocol,
      cores: world.cores,
      entries,
      arrivals: this,
      witness: this,
    };
    this.taken = like?.taken.slice() ?? new Uint8Array(world.cores);
    this.wrong = like?.wrong;
    this.fallen = like?.fallen ?? 0;
    this.run = new RecoveryRun(setup, compiled, like?.run);
  }

  copy(): RecoveryWalk {
    return new RecoveryWalk(this.plan, this);
  }

  /** Cores that can go on; none once something is wrong. */
  get choices(): number {
    return this.wrong === undefined ? this.ready().length : 0;
  }

  choose(choice: number): void {
    const core = this.ready()[choice];
    if (core !== undefined) this.run.step(core);
  }

  get state(): string {
    const { tags, items, vars } = this.run;
    return String.fromCharCode(...this.taken, ...tags, ...items, ...vars);
  }

  fault(): string | undefined {
    if (this.wrong !== undefined) return this.wrong;
    for (let core = 0; core < this.run.cores; core++) if (!this.run.isIdle(core)) return `core ${core} waits for ever`;
    return undefined;
  }

  next(core: number): number {
    return this.plan.received[core]?.[this.taken[core] as number] ?? 0;
  }

  take(core: number): void {
    (this.taken[core] as number)++;
  }

  applied(core: number, number: number, item: number): void {
    if (item === number) return;
    this.wrong ??= `core ${core} takes ${item === 0 ? 'nothing' : `the item of ${item}`} for that of ${number}`;
  }

  skipped(core: number, number: number): void {
    if (this.plan.isLostForAll[number] !== true) this.wrong ??= `core ${core} skips ${number}, which another has`;
  }

  fell(core: number, number: number): void {
    this.fallen++;
    // What may be given up: more is missing than is recovered, or the ring came round.
    const { world, entries } = this.plan;
    const last = world.packets + world.cores;
    const mayFall = last > entries || world.protocol.recoverable(world.cores, entries) < last;
    if (!mayFall) this.wrong ??= `core ${core} gives up at ${number}`;
  }

  refused(): void {}

  private ready(): number[] {
    const { run } = this;
    const found: number[] = [];
    for (let core = 0; core < run.cores; core++) if (run.canStep(core)) found.push(core);
    return found;
  }
}

/** What {@link exploreRecovery} saw: all sets of losses together. */
export interface RecoveryExplored extends Explored {
  /** Sets of losses. */
  readonly sets: number;
}

/** Every interleaving of every set of losses of a world, to the first fault. */
export function exploreRecovery(
  world: Omit<RecoveryWorld, 'losses'>,
  { limit = Number.MAX_SAFE_INTEGER }: { readonly limit?: number } = {},
): RecoveryExplored {
  const compiled = new CompiledRecovery(world.protocol);
  let [states, ends, isCut] = [0, 0, false];
  const sets = 2 ** world.packets;
  for (let losses = 0; losses < sets; losses++) {
    const plan = new Plan({ ...world, losses }, compiled);
    const found = exploreWalks(() => new RecoveryWalk(plan), { limit });
    states += found.states;
    ends += found.ends;
    isCut ||= found.isCut;
    if (found.fault !== undefined) {
      const lost = Array.from({ length: world.packets }, (_, i) => i + 1).filter(
        (n) => ((losses >> (n - 1)) & 1) !== 0,
      );
      const which = lost.length === 0 ? 'no packet lost' : `packets ${lost.join(', ')} lost`;
      return { states, ends, fault: `${which}: ${found.fault}`, isCut, sets: losses + 1 };
    }
  }
  return { states, ends, fault: undefined, isCut, sets };
}

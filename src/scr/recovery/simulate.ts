/**
 * The protocol at length: many cores, a million packets, random losses. Cores take turns by chance, each within the
 * packets that its queue holds; the sequencer waits where a queue is full, so losses are those asked for.
 */
import { Prng } from '../../packet/index.js';
import { logEntries, type RecoveryProtocol, recoveryProtocol } from './protocol.js';
import { CompiledRecovery, type RecoveryArrivals, RecoveryRun, type RecoveryWitness } from './run.js';

/** What to simulate. */
export interface RecoverySimulation {
  readonly cores: number;
  readonly packets: number;
  /** Share of packets that are lost on their way, from 0 to 1. */
  readonly loss: number;
  /** Default 1. */
  readonly seed?: number | undefined;
  /** Default {@link recoveryProtocol}. */
  readonly protocol?: RecoveryProtocol | undefined;
  /** Entries of a log; default {@link logEntries}. */
  readonly entries?: number | undefined;
  /** Packets that wait for a core at most; default 32. A core is behind another by `cores` times as many at most. */
  readonly queue?: number | undefined;
}

/** What came of it. Counts of packets or items; a core's fall is counted once. */
export interface RecoverySimulated {
  readonly lost: number;
  /** Items that cores did not get with a packet and found in another's log. */
  readonly recovered: number;
  /** Numbers that no core got, skipped by all. */
  readonly skipped: number;
  /** Times that a core could not go on before another had published. */
  readonly waits: number;
  /** Packets that cores out of step had and could not run. */
  readonly refused: number;
  /** Cores that fell out of step, in order, with the number at which they did. */
  readonly fallen: readonly { readonly core: number; readonly number: number }[];
  /** The most numbers that one core was missing before a packet. */
  readonly largestGap: number;
  /** The first difference between a copy and the sequential run; undefined: none. */
  readonly divergence: string | undefined;
  /** All cores came to the end. */
  readonly isComplete: boolean;
}

/** Follows each copy: a hash over the items in their order, which the sequential run has as well. */
class Witness implements RecoveryWitness {
  recovered = 0;
  refusedPackets = 0;
  divergence: string | undefined;
  readonly fallen: { core: number; number: number }[] = [];
  readonly hashes: Int32Array;
  private readonly isLostForAll: Uint8Array;
  private readonly isReceived: Uint8Array;

  constructor(cores: number, isLostForAll: Uint8Array, isReceived: Uint8Array) {
    this.hashes = new Int32Array(cores);
    this.isLostForAll = isLostForAll;
    this.isReceived = isReceived;
  }

  applied(core: number, number: number, item: number): void {
    if (item !== number) this.divergence ??= `core ${core} takes ${item} for ${number}`;
    this.hashes[core] = hashed(this.hashes[core] as number, item);
    if (!this.isCarriedTo(core, number)) this.recovered++;
  }

  skipped(core: number, number: number): void {
    if (this.isLostForAll[number] === 0) this.divergence ??= `core ${core} skips ${number}`;
  }

  fell(core: number, number: number): void {
    this.fallen.push({ core, number });
  }

  refused(): void {
    this.refusedPackets++;
  }

  /** Did the packet reach the core that brings it this number? */
  private isCarriedTo(core: number, number: number): boolean {
    const { length } = this.hashes;
    return this.isReceived[number + ((((core - number) % length) + length) % length)] === 1;
  }
}

const hashed = (hash: number, item: number): number => (Math.imul(hash ^ item, 0x9e3779b1) + 0x7f4a7c15) | 0;

/** Packets on their way: what the sequencer has sent and cores have not taken. */
class Queues implements RecoveryArrivals {
  private readonly heads: Int32Array;
  private readonly received: Uint8Array;
  /** The last number that was sent. */
  sent = 0;

  constructor(cores: number, received: Uint8Array) {
    this.received = received;
    this.heads = Int32Array.from({ length: cores }, (_, core) => (core === 0 ? cores : core));
  }

  next(core: number): number {
    const head = this.head(core);
    return head <= this.sent ? head : 0;
  }

  take(core: number): void {
    this.heads[core] = this.head(core) + this.heads.length;
  }

  /** Packets between the core's next one and the one that is sent next. */
  waiting(core: number): number {
    return (this.sent + 1 - this.head(core)) / this.heads.length;
  }

  private head(core: number): number {
    let head = this.heads[core] as number;
    while (head <= this.sent && this.received[head] === 0) head += this.heads.length;
    this.heads[core] = head;
    return head;
  }
}

/** Runs it. The same options give the same result. */
export function simulateRecovery(options: RecoverySimulation): RecoverySimulated {
  const { cores, packets, loss, seed = 1, protocol = recoveryProtocol, entries = logEntries, queue = 32 } = options;
  const random = new Prng(seed);
  const last = packets + (protocol.heartbeats ? cores : 0);
  const received = new Uint8Array(last + cores + 1);
  let lost = 0;
  for (let n = 1; n <= last; n++) {
    const isLost = n <= packets && random.float() < loss;
    received[n] = isLost ? 0 : 1;
    if (isLost) lost++;
  }
  const lostForAll = new Uint8Array(last + 1);
  let skipped = 0;
  for (let n = 1, run = 0; n <= last; n++) {
    // All carriers of the number n - cores + 1 are behind now.
    run = received[n] === 1 ? 0 : run + 1;
    const first = n - cores + 1;
    if (first >= 1 && run >= cores) lostForAll[first] = 1;
  }
  for (let n = 1; n <= last; n++) if (lostForAll[n] === 1) skipped++;
  const witness = new Witness(cores, lostForAll, received);
  const arrivals = new Queues(cores, received);
  const run = new RecoveryRun({ protocol, cores, entries, arrivals, witness }, new CompiledRecovery(protocol));
  let waits = 0;
  let idle = 0;
  while (idle < 64 * cores) {
    while (arrivals.sent < last && arrivals.waiting((arrivals.sent + 1) % cores) < queue) arrivals.sent++;
    const core = random.below(cores);
    // A turn of chance: a few steps or some packets.
    let hasMoved = false;
    for (let steps = 1 + random.below(200); steps > 0; steps--) {
      if (!run.step(core)) {
        if (!run.isIdle(core)) waits++;
        break;
      }
      hasMoved = true;
    }
    idle = hasMoved || arrivals.sent < last ? 0 : idle + 1;
  }
  let largestGap = 0;
  for (let core = 0; core < cores; core++) {
    let before = core === 0 ? 0 : core - cores;
    for (let n = before + cores; n <= last; n += cores) {
      if (received[n] === 0) continue;
      largestGap = Math.max(largestGap, n - Math.max(before, 0) - cores);
      before = n;
    }
  }
  let isComplete = true;
  for (let core = 0; core < cores; core++) {
    if (!run.isIdle(core)) isComplete = false;
    else if (!run.isOut(core) && protocol.heartbeats && run.applied(core) > packets) {
      // The copy has gone on to its heartbeat's number; so has the sequential run.
      const wanted = hashUpTo(run.applied(core), lostForAll);
      if (witness.hashes[core] !== wanted) witness.divergence ??= `core ${core} ends in another state`;
    }
  }
  const { recovered, refusedPackets: refused, fallen, divergence } = witness;
  return { lost, recovered, skipped, waits, refused, fallen, largestGap, divergence, isComplete };
}

/** The sequential run's state after a number. */
function hashUpTo(number: number, lostForAll: Uint8Array): number {
  let hash = 0;
  for (let n = 1; n <= number; n++) if (lostForAll[n] === 0) hash = hashed(hash, n);
  return hash;
}

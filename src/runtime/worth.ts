/**
 * Does the card pay? A program whose traces do not is left alone: the host runs its packets, in whole batches, and the card is tried again later.
 *
 * What is compared are counts, not times, so a run is repeatable: instructions that a hit saves (those that the program takes on that path, less those of the
 * trace, of the bodies that are tried before it, and of keeping helpers in JavaScript undoable), and what a miss costs, which ends a batch and starts
 * another. And traces pay by running over and over: a hundred of them are a hundred copies of what the program has once, and where packets jump from one
 * to the next the processor has to fetch each anew. So the card rests as well if the hits are spread over more than {@link fewTraces} traces
 * (effective number: one over the sum of squared shares). The decision is made after every {@link window} packets, whatever batches they come in.
 */
import { type InstalledTrace, isDoneByCard } from '../trace/index.js';
import type { TraceRecord } from './trace-record.js';

/** Packets between two decisions. */
const window = 8192;
/** Windows that the card rests: the first time, and at most. */
const firstRest = 8;
const longestRest = 256;
/** A miss, in instructions, what recording takes left aside: two calls into compiled code instead of a share of one. */
const missCost = 1000;
/** A recording, in instructions: a millisecond. The first one of each path is what it takes to learn. */
const recordingCost = 1_000_000;
/** What the dispatcher costs a packet besides the trace's own instructions. */
const hitCost = 10;
/** Instructions that a helper in JavaScript costs more under a journal. */
const journaledCall = 1500;
/** Effective number of traces up to which their code stays where the processor has it. */
const fewTraces = 3;
/** A body that fails and is undone does each of its instructions once more. */
const failedBody = 2;

export class Worth {
  /** Packets that the host ran because the card was resting. */
  bypassed = 0;
  private readonly enabled: boolean;
  private left: number = window;
  private gain = 0;
  private resting = 0;
  private nextRest = firstRest;
  /** Hits of each trace since the last decision. */
  private readonly shares = new Map<InstalledTrace, number>();

  constructor(enabled: boolean) {
    this.enabled = enabled;
  }

  /** The card is resting. */
  get rests(): boolean {
    return this.resting > 0;
  }

  /** How many of `count` packets may run before the next decision. */
  most(count: number): number {
    return this.enabled ? Math.min(count, this.left) : count;
  }

  hit(installed: InstalledTrace, trace: TraceRecord, packets: number): void {
    if (!this.enabled) return;
    const before = installed.leaf.traces.indexOf(installed);
    const own = trace.insnsCondition + trace.insnsTrace * (1 + failedBody * Math.max(0, before));
    this.gain += packets * (trace.insnsProgram - own - this.callCost(installed) - hitCost);
    this.shares.set(installed, (this.shares.get(installed) ?? 0) + packets);
  }

  private callCost({ trace: { code } }: InstalledTrace): number {
    if (!code.transactional) return 0;
    const calls = code.values.filter(
      ({ detail }) => detail?.kind === 'call' && detail.visible && !isDoneByCard(detail.helper),
    );
    return journaledCall * calls.length;
  }

  /** Of how many traces that take equal shares the hits could be. */
  private effectiveTraces(): number {
    let sum = 0;
    let squares = 0;
    for (const packets of this.shares.values()) {
      sum += packets;
      squares += packets * packets;
    }
    return squares === 0 ? 0 : (sum * sum) / squares;
  }

  miss(): void {
    this.gain -= missCost;
  }

  /** A path was recorded that had been recorded before, or in vain. */
  recordedAgain(): void {
    this.gain -= recordingCost;
  }

  /** `packets` packets have run; at most as many as {@link most} said. */
  ran(packets: number): void {
    if (!this.enabled) return;
    if (this.resting > 0) this.bypassed += packets;
    this.left -= packets;
    if (this.left > 0) return;
    this.left = window;
    this.decide();
  }

  private decide(): void {
    if (this.resting > 0) {
      this.resting--;
    } else if (this.gain < 0 || this.effectiveTraces() > fewTraces) {
      this.resting = this.nextRest;
      this.nextRest = Math.min(longestRest, 2 * this.nextRest);
    } else {
      this.nextRest = firstRest;
    }
    this.gain = 0;
    this.shares.clear();
  }
}

/**
 * Does the card pay? A program whose traces do not is left alone: the host runs its packets, in whole batches, and the
 * card is tried again later.
 *
 * What is compared are counts, not times, so a run is repeatable; they are in instructions of compiled code. A hit
 * saves those that the program takes on that path, and costs those of the trace and of bodies that are tried before
 * it. Besides, a look-up that its cache answers is much cheaper than one, and a look-up that it does not answer is a
 * little dearer; the caches count those (src/jit/lookup-cache.ts). Helpers in JavaScript cost more where they have to
 * stay undoable. A miss ends a batch and starts another, and a recording takes as long as many packets.
 *
 * Traces pay by running over and over: a hundred of them are a hundred copies of what the program has once, and where
 * packets jump from one to the next the processor has to fetch each anew. So the card rests as well if the hits are
 * spread over more than {@link fewTraces} traces (effective number: one over the sum of squared shares). The decision
 * is made after {@link firstWindow} packets and then after every {@link window}, whatever batches they come in.
 */
import { cachedLookups, type InstalledTrace, isDoneByCard } from '../nic/index.js';
import type { Machine } from '../vm/index.js';
import type { TraceRecord } from './trace-record.js';

/**
 * Packets between two decisions; before the first one fewer, since traces that do not pay cost most before they are
 * compiled.
 */
const window = 8192;
const firstWindow = 2048;
/**
 * Packets that such a recording counts for: a millisecond is as long as tens of thousands, so the decision must not
 * wait for that many.
 */
const recordingPackets = 1024;
/**
 * A run of at least so many packets is there for its results. It begins with the card at rest, until learning takes no
 * more than a share of what the host has run: who runs a short capture wants to see its traces, and waits for a
 * second at most.
 */
const longRun = 16_384;
const learningShare = 1 / 20;
/** Windows that the card rests: the first time, and at most. */
const firstRest = 32;
const longestRest = 256;
/**
 * What is left of a program's instructions when it is compiled: the optimizer keeps 0.50 (lpm-router) to 0.71
 * (ipv6-filter) of the examples' (docs/optimizer.md).
 */
const keptByOptimizer = 0.55;
/** A miss, what recording takes left aside: two calls into compiled code instead of a share of one. */
const missCost = 1000;
/** A miss that goes on in the program at once: the way to where it left the traces, and the call. */
const passCost = 60;
/** A recording: a millisecond. So many are what it takes to learn, and cost nothing. */
const recordingCost = 1_000_000;
const learning = 64;
/**
 * What the dispatcher does for a packet besides the trace's own instructions: counters, the number of the trace, and
 * its share of the batch.
 */
const hitCost = 8;
/** A look-up that did not ask its cache, or in vain. */
const slowLookupCost = 12;
/** Instructions that a helper in JavaScript costs more under a journal. */
const journaledCall = 1500;
/** Effective number of traces up to which their code stays where the processor has it. */
const fewTraces = 3;
/** A body that fails and is undone does each of its instructions once more. */
const failedBody = 2;

/** What a packet of a trace saves; look-ups are those in front of which there is a cache. */
interface Profile {
  readonly gain: number;
  readonly lookups: number;
  /** Saved by these look-ups if the cache answers all. */
  readonly lookupGain: number;
}

/** Sums up gains over a window of packets and decides at its end. */
export class Worth {
  /** Packets that the host ran because the card was resting. */
  bypassed = 0;
  private readonly machine: Machine;
  /** Asked at each decision whether the card may rest; absent: nothing is decided. */
  private readonly mayRest: (() => boolean) | undefined;
  /** Look-ups that caches did not answer since it was last called. */
  private readonly takeSlowLookups: () => number;
  /** Instructions of the program that the host has run. */
  private readonly workOfHost: () => number;
  /** The card has not begun: it waits for that to be enough. */
  private isWaiting = false;
  private left: number = firstWindow;
  private gain = 0;
  private lookups = 0;
  private lookupGain = 0;
  private recordings = 0;
  private resting = 0;
  private nextRest = firstRest;
  /** Hits of each trace since the last decision. */
  private readonly shares = new Map<InstalledTrace, number>();
  private readonly profiles = new WeakMap<InstalledTrace, Profile>();

  constructor(
    machine: Machine,
    mayRest: (() => boolean) | undefined,
    { takeSlowLookups, workOfHost }: { readonly takeSlowLookups: () => number; readonly workOfHost: () => number },
  ) {
    this.machine = machine;
    this.mayRest = mayRest;
    this.takeSlowLookups = takeSlowLookups;
    this.workOfHost = workOfHost;
  }

  /** Before the first packet, if it is known: about so many are to come. */
  expects(packets: number): void {
    if (packets < longRun || this.mayRest?.() !== true) return;
    this.isWaiting = true;
    this.resting = 1;
  }

  private get enabled(): boolean {
    return this.mayRest !== undefined;
  }

  /** The card is resting. */
  get rests(): boolean {
    return this.resting > 0;
  }

  /** How many of `count` packets may run before the next decision. */
  most(count: number): number {
    return this.enabled ? Math.min(count, this.left) : count;
  }

  /** Packets that a trace decided. */
  hit(installed: InstalledTrace, trace: TraceRecord, packets: number): void {
    if (!this.enabled) return;
    const { gain, lookups, lookupGain } = this.profileOf(installed, trace);
    this.gain += packets * (gain - trace.insnsTrace * failedBody * installed.bodiesBefore);
    this.lookups += packets * lookups;
    this.lookupGain += packets * lookupGain;
    this.shares.set(installed, (this.shares.get(installed) ?? 0) + packets);
  }

  /** What one hit of a trace gains, worked out once for each. */
  private profileOf(installed: InstalledTrace, trace: TraceRecord): Profile {
    let profile = this.profiles.get(installed);
    if (profile === undefined) {
      const program = keptByOptimizer * trace.insnsProgram;
      const own = trace.insnsCondition + trace.insnsTrace + hitCost + callCost(installed);
      const saved = cachedLookups(installed.trace, this.machine);
      const lookupGain = saved.reduce((sum, insns) => sum + insns, 0);
      profile = { gain: program - own, lookups: saved.length, lookupGain };
      this.profiles.set(installed, profile);
    }
    return profile;
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

  /** Packets that missed and went on in the program without ending their batch. */
  passed(packets: number): void {
    this.gain -= passCost * packets;
  }

  /** A path was recorded. `again`: one that had been recorded before, or in vain. */
  recorded(again: boolean): void {
    if (!this.enabled) return;
    if (!again && this.recordings < learning) {
      this.recordings++;
      this.gain += missCost;
      return;
    }
    this.gain -= recordingCost;
    // The packet itself is still to be counted.
    this.left = Math.max(1, this.left - recordingPackets);
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

  /** At the end of a window: rest for a while where it did not pay, longer each time; go on where it did. */
  private decide(): void {
    const slow = this.takeSlowLookups();
    if (this.isWaiting) {
      const price = recordingCost * learning;
      this.isWaiting = this.workOfHost() * keptByOptimizer * learningShare < price && this.mayRest?.() === true;
      this.resting = this.isWaiting ? 1 : 0;
    } else if (this.resting > 0) {
      this.resting--;
    } else if ((this.total(slow) < 0 || this.effectiveTraces() > fewTraces) && this.mayRest?.() === true) {
      this.resting = this.nextRest;
      this.nextRest = Math.min(longestRest, 2 * this.nextRest);
    } else {
      this.nextRest = firstRest;
    }
    this.gain = 0;
    this.lookups = 0;
    this.lookupGain = 0;
    this.shares.clear();
  }

  /** The gain of the window, less what look-ups cost that their cache did not answer. */
  private total(slow: number): number {
    const answered = this.lookups === 0 ? 0 : Math.max(0, 1 - slow / this.lookups);
    return this.gain + this.lookupGain * answered - slowLookupCost * slow;
  }
}

/** What calls cost that run under the journal. */
function callCost({ trace: { code } }: InstalledTrace): number {
  if (!code.transactional) return 0;
  const calls = code.values.filter(
    ({ detail }) => detail?.kind === 'call' && detail.visible && !isDoneByCard(detail.helper),
  );
  return journaledCall * calls.length;
}

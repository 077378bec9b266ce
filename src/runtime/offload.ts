/**
 * What goes onto the card and what leaves it: which misses are worth a recording, where a recording starts, which
 * traces get a place, which are retired when the control plane has changed what they assume, and whether the card pays
 * at all.
 *
 * This is policy, and decides from counts alone. It has no clock and sees no packet: whoever drives packets (the
 * immediate driver of runtime.ts, or one with simulated time) says what became of them, miss by miss and hit by hit,
 * and does what it is told. So two drivers that tell the same story get the same decisions.
 */
import type { TraceCache } from '../cache/index.js';
import { type InstalledTrace, type Parent, SideExit } from '../nic/index.js';
import type { AssumptionLedger, ForkSides, RecordedTrace, Recording } from '../trace/index.js';
import type { LoadedProgram } from '../vm/index.js';
import { AbortLog } from './failures.js';
import type { Penalties } from './penalties.js';
import type { TraceBook } from './trace-book.js';
import type { TraceRecord } from './trace-record.js';
import type { Worth } from './worth.js';

/** What the policy is put together from, so that tests can give others. */
export interface OffloadParts {
  readonly program: LoadedProgram;
  readonly cache: TraceCache;
  readonly book: TraceBook;
  readonly penalties: Penalties;
  readonly worth: Worth;
  /** What installed traces assume of maps that only the control plane changes. */
  readonly ledger: AssumptionLedger<InstalledTrace>;
  /** Which sides of forks their packets take; undefined: nobody asks. */
  readonly forks: ForkSides<InstalledTrace> | undefined;
  /** Recordings begin at the snapshot of the trace that the packet followed, if there is one. */
  readonly sideTraces: boolean;
}

/** A miss that is to be recorded: where the packet left the traces, and what the recording takes over from there. */
export interface Start {
  readonly exit: SideExit;
  readonly parent: Parent | undefined;
}

/**
 * What came of a trace from elsewhere: it is on the card, maps hold something else than it assumes, the same one is
 * there already, or it was given no place.
 */
export type Loaded = 'installed' | 'stale' | 'there' | 'refused';

/** What came of traces so far. */
export interface OffloadCounts {
  installs: number;
  /** Installed traces whose recording began at the snapshot of another one, and what they took over from there. */
  sideTraces: number;
  inheritedSteps: number;
  inheritedValues: number;
  inheritedGuards: number;
  /** Traces that left the card since the control plane changed what they had assumed. */
  retired: number;
  /** Traces that left since another one joined the sides of a branch that they had guarded. */
  overtaken: number;
}

/** Where packets miss that no card is offered. */
class Unoffered extends SideExit {
  override parent(): undefined {
    return undefined;
  }
}

/** Where counting begins. */
export const noCounts: Readonly<OffloadCounts> = {
  installs: 0,
  sideTraces: 0,
  inheritedSteps: 0,
  inheritedValues: 0,
  inheritedGuards: 0,
  retired: 0,
  overtaken: 0,
};

/** The policy of one program's card. It is told what happened and answers what to do; it runs nothing itself. */
export class Offload {
  /** Packets that traces decided. */
  hits = 0;
  /**
   * Where packets miss that cards don't take (in fragments): recordings of them fail, and soon are not tried any more.
   */
  readonly unoffered: SideExit = new Unoffered();
  readonly cache: TraceCache;
  readonly book: TraceBook;
  readonly penalties: Penalties;
  readonly worth: Worth;
  readonly aborts: AbortLog = new AbortLog();
  readonly counts: OffloadCounts = { ...noCounts };
  private readonly parts: OffloadParts;

  constructor(parts: OffloadParts) {
    this.parts = parts;
    const { cache, book, penalties, worth } = parts;
    this.cache = cache;
    this.book = book;
    this.penalties = penalties;
    this.worth = worth;
    cache.onEvict = (trace) => {
      const record = book.of(trace);
      penalties.evicted(record.packets - record.packetsAtInstall);
      book.release(record);
    };
    cache.onRemove = (trace) => {
      parts.ledger.remove(trace);
      parts.forks?.remove(trace);
    };
  }

  /** Before packets are offered: takes traces off the card whose assumptions the control plane has undone. */
  retire(): void {
    for (const installed of this.parts.ledger.failed()) {
      this.takeOff(installed);
      this.counts.retired++;
    }
  }

  private takeOff(installed: InstalledTrace): void {
    this.cache.remove(installed);
    this.book.release(this.book.of(installed));
  }

  /** A trace decided so many packets. */
  hit(installed: InstalledTrace, packets: number): TraceRecord {
    const record = this.book.of(installed);
    record.packets += packets;
    this.hits += packets;
    this.worth.hit(installed, record, packets);
    return record;
  }

  /**
   * A packet that the card was offered left it there. What a recording of it would start with; undefined: it is not
   * worth one.
   */
  miss(exit: SideExit): Start | undefined {
    this.worth.miss();
    if (!this.penalties.admits(exit)) return undefined;
    return { exit, parent: this.parts.sideTraces ? exit.parent() : undefined };
  }

  /** What came of a recording. The record of the packet's path, if it is known now. */
  recorded({ exit, parent }: Start, recording: Recording): TraceRecord | undefined {
    const { penalties, worth, aborts } = this;
    if (recording.kind === 'abort') {
      worth.recorded(true);
      aborts.note(recording.site);
      penalties.failed(exit);
      return undefined;
    }
    // What the recording has joined, others must not ask any more.
    for (const overtaken of this.parts.forks?.overtaken() ?? []) {
      this.takeOff(overtaken);
      this.counts.overtaken++;
    }
    const record = this.install(recording.trace, parent);
    if (record === undefined) {
      aborts.note({ code: 'useless', detail: undefined, program: this.parts.program, pc: 0 });
      penalties.failed(exit);
    } else penalties.succeeded(exit);
    return record;
  }

  /**
   * Puts a trace on the card that was not recorded here. It is no place for a trace that takes for granted what maps
   * do not hold.
   */
  load(trace: RecordedTrace): Loaded {
    if (!trace.assumptions.every((assumption) => this.parts.ledger.holds(assumption))) return 'stale';
    const record = this.install(trace, undefined);
    return record === undefined ? 'there' : record.trace === trace ? 'installed' : 'refused';
  }

  /** Offers a trace to the cache; undefined if the same one is there already. */
  private install(trace: RecordedTrace, parent: Parent | undefined): TraceRecord | undefined {
    const { book, counts } = this;
    const record = book.recordFor(trace);
    const installation = this.cache.install(trace, record.id);
    if (installation.kind === 'there') return undefined;
    book.enter(record);
    if (installation.kind === 'refused') {
      // What it cost was for nothing, as with a trace that leaves at once.
      this.worth.recorded(true);
      this.penalties.evicted(0);
      if (record.trace === trace) book.release(record);
      return record;
    }
    counts.installs++;
    book.installed(record, installation.trace, parent === undefined ? undefined : book.of(parent.installed));
    const { start, assumptions } = trace;
    if (start !== undefined) {
      counts.sideTraces++;
      counts.inheritedSteps += start.step;
      counts.inheritedValues += start.values;
      counts.inheritedGuards += start.guards;
    }
    this.worth.recorded(record.installs > 1);
    if (assumptions.length > 0) this.parts.ledger.add(installation.trace, assumptions);
    this.parts.forks?.add(installation.trace, trace);
    return record;
  }
}

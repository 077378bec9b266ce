/**
 * The traces of a run, by the paths that they stand for: the same path recorded again has the same record. How
 * conditions speak of the object, and for how long recordings are kept, is decided here.
 */
import type { TraceNames } from '../condition/index.js';
import type { InstalledTrace } from '../nic/index.js';
import { fingerprint, type RecordedTrace } from '../trace/index.js';
import { TraceRecord } from './trace-record.js';

/** What is worth keeping: recordings take memory, conditions time. */
export interface BookOptions {
  /** Keep the recordings of traces that have left the card. */
  readonly keepsRecordings: boolean;
  /** Of how many traces conditions will be read, those that decide most packets. */
  readonly conditionsRead: number;
}

/**
 * Conditions of traces that have left are put into words when someone reads them, which takes longer than recording
 * did. For so many traces what they are made of is kept meanwhile; then it is decided for the first that left.
 */
const unwordedMost = 512;

/** Records by number, by path and by trace on the card. */
export class TraceBook {
  /** In order of first installation; a record's `id` is its position. */
  readonly records: TraceRecord[] = [];
  private readonly names: TraceNames;
  private readonly options: BookOptions;
  private readonly byKey = new Map<string, TraceRecord>();
  private readonly byInstalled = new WeakMap<InstalledTrace, TraceRecord>();
  /** Records whose recording is gone and whose condition no one has read, in the order in which they left. */
  private readonly unworded = new Set<TraceRecord>();

  constructor(names: TraceNames, options: BookOptions) {
    this.names = names;
    this.options = options;
  }

  /** The record of a trace that is on the card, or was. */
  of(installed: InstalledTrace): TraceRecord {
    return this.byInstalled.get(installed) as TraceRecord;
  }

  /** The record of a trace's path; a new one, which {@link enter} puts in the book, if the path is new. */
  recordFor(trace: RecordedTrace): TraceRecord {
    const key = fingerprint(trace.code, trace.verdict);
    return this.byKey.get(key) ?? new TraceRecord(this.records.length, key, trace, this.names);
  }

  /** Gives a record its place; one that is there already stays. */
  enter(record: TraceRecord): void {
    if (record.id < this.records.length) return;
    this.records.push(record);
    this.byKey.set(record.key, record);
  }

  /** The trace is on the card; `parent`: whose recording it began with. */
  installed(record: TraceRecord, installed: InstalledTrace, parent: TraceRecord | undefined): void {
    const { trace } = installed;
    record.trace = trace;
    record.parent =
      trace.start === undefined || parent === undefined ? undefined : { id: parent.id, guard: trace.start.guards };
    record.packetsAtInstall = record.packets;
    record.installs++;
    this.byInstalled.set(installed, record);
  }

  /** Lets go of a recording, unless they are kept. */
  release(record: TraceRecord): void {
    if (this.options.keepsRecordings) return;
    const { unworded } = this;
    record.release(this.options.conditionsRead > 0);
    unworded.delete(record);
    unworded.add(record);
    if (unworded.size <= unwordedMost) return;
    const [oldest] = unworded;
    if (oldest === undefined) return;
    unworded.delete(oldest);
    oldest.settle(this.willBeRead(oldest));
  }

  /**
   * Counts of packets only grow: what is not among those that decide most by now is there in the end only if it is
   * installed again.
   */
  private willBeRead({ packets }: TraceRecord): boolean {
    const { conditionsRead } = this.options;
    if (conditionsRead === Number.POSITIVE_INFINITY) return true;
    let before = 0;
    for (const other of this.records) if (other.packets > packets && ++before >= conditionsRead) return false;
    return conditionsRead > 0;
  }
}

/**
 * Records that programs leave with bpf_perf_event_output, on their way to who reads them (`bpftool map event_pipe`).
 * A card hands them to its driver in the order of its packets, and the driver puts them into the ring of the map's
 * slot (nfp_bpf_event_output). A ring has a bound: what comes while it is full is lost, counted, and told in front of
 * the next record that finds room, as PERF_RECORD_LOST. Without a reader there is no ring, and records are gone.
 *
 * Rings belong to readers and are no state: a daemon that starts again has none, as after `bpftool` has ended.
 */

/** Bytes of a ring: sixteen pages, as bpftool maps them (map_perf_ring.c, MMAP_PAGE_CNT). */
const ringBytes: number = 16 * 4096;
/** Milliseconds after which a reader that does not ask any more is gone. */
const readerPatience = 30_000;

/** What a ring holds: PERF_RECORD_SAMPLE or PERF_RECORD_LOST. */
export type PipeRecord =
  | { readonly kind: 'sample'; readonly index: number; readonly time: bigint; readonly data: Uint8Array }
  | { readonly kind: 'lost'; readonly index: number; readonly count: number };

/** Bytes that a record takes of a ring: header, time, size and data (struct perf_event_sample), in words of 8. */
function sizeOf(data: Uint8Array): number {
  return 8 + 8 + Math.ceil((4 + data.length) / 8) * 8;
}

/** The ring of one map for one reader, slots together: there is one core. */
class Pipe {
  readonly records: PipeRecord[] = [];
  askedAt: number;
  private bytes = 0;
  private lost = 0;

  constructor(now: number) {
    this.askedAt = now;
  }

  /** False: it was lost. */
  put(index: number, time: bigint, data: Uint8Array): boolean {
    const size = sizeOf(data);
    // PERF_RECORD_LOST: header, id and count.
    const needed = size + (this.lost > 0 ? 24 : 0);
    if (this.bytes + needed > ringBytes) {
      this.lost++;
      return false;
    }
    if (this.lost > 0) this.records.push({ kind: 'lost', index, count: this.lost });
    this.lost = 0;
    this.records.push({ kind: 'sample', index, time, data });
    this.bytes += needed;
    return true;
  }

  take(most: number): PipeRecord[] {
    const taken = this.records.splice(0, most);
    for (const each of taken) this.bytes -= each.kind === 'sample' ? sizeOf(each.data) : 24;
    return taken;
  }
}

/** The readers of all maps. */
export class EventPipes {
  private readonly pipes = new Map<number, Pipe>();
  /** Records since the start: that found room in a ring, that found none, that nobody wanted. */
  readonly counts = { delivered: 0, lost: 0, unread: 0 };

  /** `time`: nanoseconds, as bpf_ktime_get_ns. */
  put(map: number, index: number, time: bigint, data: Uint8Array): void {
    const pipe = this.pipes.get(map);
    if (pipe === undefined) this.counts.unread++;
    else if (pipe.put(index, time, data)) this.counts.delivered++;
    else this.counts.lost++;
  }

  /** What came since it was asked last, up to `most` records; the first time opens the ring. `now`: milliseconds. */
  take(map: number, most: number, now: number): PipeRecord[] {
    for (const [id, { askedAt }] of this.pipes) if (now - askedAt > readerPatience) this.pipes.delete(id);
    const pipe = this.pipes.get(map) ?? new Pipe(now);
    this.pipes.set(map, pipe);
    pipe.askedAt = now;
    return pipe.take(most);
  }

  /** The reader is gone, or the map. */
  close(map: number): void {
    this.pipes.delete(map);
  }
}

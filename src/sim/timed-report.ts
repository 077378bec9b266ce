/** What a timed run came to, in units that people read. Every figure is the model's. */
import type { Histogram } from './histogram.js';
import type { LossPlace } from './timed-counts.js';
import type { ClockedRun } from './timed-run.js';

/** Packets and bits a second; bits as the wire counts them, without preamble, checksum and gap. */
export interface Throughput {
  readonly packets: number;
  readonly packetsPerSecond: number;
  readonly bitsPerSecond: number;
}

/** Nanoseconds from a packet's last bit in to its last bit out, or to its verdict where none goes out. */
export interface Latency {
  readonly packets: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** A unit and the share (0 to 1) of the run in which it was busy. */
export interface Utilisation {
  readonly unit: string;
  readonly share: number;
}

/** A cause, and the share of the run that it cost: of the card's cycles, or of packets' waiting, whichever is said. */
export interface Stall {
  readonly cause: string;
  readonly nanoseconds: number;
  readonly share: number;
}

/** A stretch of the run. */
export interface TimelineRow {
  readonly microseconds: number;
  readonly offered: number;
  readonly hits: number;
  readonly misses: number;
  readonly lost: number;
  readonly installs: number;
}

/** All of it. */
export interface TimedReport {
  readonly card: string;
  readonly kind: string;
  /** Simulated seconds, from the first packet to the end of what it caused. */
  readonly seconds: number;
  readonly offered: Throughput;
  readonly achieved: Throughput;
  readonly hits: number;
  readonly misses: number;
  readonly lost: Readonly<Record<LossPlace, number>>;
  readonly recorded: number;
  readonly repeated: number;
  readonly latency: { readonly hit: Latency; readonly miss: Latency };
  readonly utilisation: readonly Utilisation[];
  /** What kept packets from beginning: of the card's time. */
  readonly stalls: readonly Stall[];
  /** Bytes and transactions of the link, both ways; `alone`: without traces on the card. */
  readonly link: {
    readonly bytes: number;
    readonly transactions: number;
    readonly installBytes: number;
    readonly aloneBytes: number;
    readonly aloneTransactions: number;
  };
  /** Cores of the host that were busy on average; `alone`: that the same packets would have kept busy. */
  readonly hostCores: { readonly used: number; readonly alone: number; readonly recorder: number };
  readonly timeline: readonly TimelineRow[];
}

/** The report of a run that has ended. */
export function timedReport(run: ClockedRun): TimedReport {
  const { counts, card, up, down, cores, arrivals, out } = run;
  const end = Math.max(counts.lastArrival, counts.lastDelivery, 1);
  const seconds = end / 1e12;
  const share = (busy: number): number => Math.min(1, busy / end);
  const busy = cores.busy.reduce((sum, one) => sum + one, 0);
  const through = (packets: number, time: number): Throughput => ({
    packets,
    packetsPerSecond: packets / (Math.max(time, 1) / 1e12),
    bitsPerSecond: (8 * counts.offeredBytes * (packets / Math.max(1, counts.offered))) / (Math.max(time, 1) / 1e12),
  });
  return {
    card: card.name,
    kind: card.kind,
    seconds,
    offered: through(counts.offered, counts.lastArrival),
    achieved: through(counts.delivered, end),
    hits: counts.hits,
    misses: counts.misses,
    lost: { ...counts.lost },
    recorded: counts.recorded,
    repeated: counts.repeated,
    latency: { hit: latencyOf(counts.latency.hit), miss: latencyOf(counts.latency.miss) },
    utilisation: [
      { unit: 'port in', share: share(arrivals.wire.busy) },
      { unit: 'card', share: share(counts.cardBusy) },
      { unit: 'match table', share: share(counts.tableBusy) },
      { unit: 'link up', share: share(up.busy) },
      { unit: 'link down', share: share(down.busy) },
      ...cores.busy.map((one, i) => ({ unit: `core ${i}`, share: share(one) })),
      { unit: 'recorder', share: share(counts.recorderBusy) },
      { unit: 'port out', share: share(out.busy) },
    ],
    stalls: Object.entries(counts.stalls).map(([cause, time]) => ({
      cause,
      nanoseconds: time / 1000,
      share: share(time),
    })),
    link: {
      bytes: up.bytes + down.bytes,
      transactions: up.transactions + down.transactions,
      installBytes: counts.installBytes,
      aloneBytes: counts.aloneBytes,
      aloneTransactions: counts.aloneTransactions,
    },
    hostCores: { used: busy / end, alone: counts.hostAlone / end, recorder: counts.recorderBusy / end },
    timeline: counts.timeline.moments.map(({ from, ...rest }) => ({ microseconds: from / 1e6, ...rest })),
  };
}

function latencyOf(times: Histogram): Latency {
  const ns = (time: number): number => time / 1000;
  return {
    packets: times.count,
    mean: ns(times.mean),
    p50: ns(times.quantile(0.5)),
    p99: ns(times.quantile(0.99)),
    p999: ns(times.quantile(0.999)),
    max: ns(times.max),
  };
}

/** What one point of a sweep came to: plain data, the same whoever ran it. Every figure is the model's. */
import type { CardArea } from '../nic/index.js';
import type { TimedReport } from '../sim/index.js';
import type { Point } from './space.js';

/** Figures of a program on a card. Rates in packets a second, times in nanoseconds. */
export interface Figures {
  readonly packets: number;
  /** Packets that were lost in any queue. */
  readonly lost: number;
  /** Share (0 to 1) of the packets that the card decided, of those that it looked at. */
  readonly hitRate: number;
  readonly offered: number;
  readonly achieved: number;
  readonly hitP50: number;
  readonly hitP99: number;
  readonly missP99: number;
  /** Cores of the host that were busy on average. */
  readonly hostCores: number;
  readonly linkBytes: number;
  /** Estimated look-up tables (LUT6) of the card; null where there is no estimate. */
  readonly luts: number | null;
}

/** Figures, or why there are none: the program does not fit that card, or it is not one. */
export type Outcome =
  | { readonly kind: 'ran'; readonly figures: Figures }
  | { readonly kind: 'refused'; readonly why: string };

/** A row of the sweep's table. */
export interface Row {
  readonly program: string;
  readonly point: Point;
  readonly outcome: Outcome;
}

/** Numbers are cut to twelve digits, so that files are the same wherever a point ran. */
const figure = (value: number): number => Number(value.toPrecision(12));

/** The figures of a run that has ended. */
export function figuresOf(report: TimedReport, area: CardArea | undefined): Figures {
  const looked = report.hits + report.misses;
  return {
    packets: report.offered.packets,
    lost: Object.values(report.lost).reduce((sum, n) => sum + n, 0),
    hitRate: figure(looked === 0 ? 0 : report.hits / looked),
    offered: figure(report.offered.packetsPerSecond),
    achieved: figure(report.achieved.packetsPerSecond),
    hitP50: figure(report.latency.hit.p50),
    hitP99: figure(report.latency.hit.p99),
    missP99: figure(report.latency.miss.p99),
    hostCores: figure(report.hostCores.used),
    linkBytes: report.link.bytes,
    luts: area?.luts ?? null,
  };
}

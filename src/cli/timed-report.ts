/** What a run with a clock says of times: as text and as JSON. Every figure is the model's, and is called so. */
import {
  type ClockedRun,
  type Latency,
  lossPlaces,
  type Throughput,
  type TimedReport,
  timedReport,
} from '../sim/index.js';
import { formatNumber, formatShare, formatTable } from '../text/index.js';
import type { Io } from './command.js';

/** The key `model` of `jitnic.run/1`. */
export function timedJson(run: ClockedRun): Record<string, unknown> {
  const report = timedReport(run);
  const { link, hostCores, latency } = report;
  return {
    card: report.card,
    kind: report.kind,
    seconds: report.seconds,
    offered: throughputJson(report.offered),
    achieved: throughputJson(report.achieved),
    hits: report.hits,
    misses: report.misses,
    lost: report.lost,
    recorded: report.recorded,
    repeated: report.repeated,
    latency_ns: { hit: latencyJson(latency.hit), miss: latencyJson(latency.miss) },
    utilisation: Object.fromEntries(report.utilisation.map(({ unit, share }) => [unit, share])),
    stalls: Object.fromEntries(report.stalls.map(({ cause, nanoseconds, share }) => [cause, { nanoseconds, share }])),
    link: {
      bytes: link.bytes,
      transactions: link.transactions,
      install_bytes: link.installBytes,
      bytes_without_card: link.aloneBytes,
      transactions_without_card: link.aloneTransactions,
    },
    host_cores: { used: hostCores.used, without_card: hostCores.alone, recorder: hostCores.recorder },
    host_cost: run.options.hostCost.source,
    timeline: report.timeline,
  };
}

function throughputJson({ packets, packetsPerSecond, bitsPerSecond }: Throughput): Record<string, number> {
  return { packets, packets_per_second: packetsPerSecond, bits_per_second: bitsPerSecond };
}

function latencyJson({ packets, mean, p50, p99, p999, max }: Latency): Record<string, number> {
  return { packets, mean, p50, p99, p99_9: p999, max };
}

/** A number with three digits that matter. */
function digits(value: number): string {
  if (value === 0) return '0';
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value >= 1000 ? formatNumber(Math.round(value)) : value.toFixed(Math.min(6, decimals));
}

/** A column of numbers. */
function right(title: string): { title: string; align: 'right' } {
  return { title, align: 'right' };
}

/** What text is laid out for. */
type Terminal = Pick<Io, 'style' | 'width'>;

/** Several tables: throughput and loss, latency, units and stalls, link and host, the timeline. */
export function timedText(run: ClockedRun, io: Terminal): string {
  const report = timedReport(run);
  const tables: readonly (readonly [string, string])[] = [
    ['throughput', throughputTable(report, io)],
    ['latency in ns', latencyTable(report, io)],
    ['units, and what kept the card', unitsTable(report, io)],
    ['link and host', linkTable(report, io)],
    ['timeline', timelineTable(report, io)],
  ];
  const head = `\n${io.style.bold(`card ${report.card}`)}: a model; no card was measured\n`;
  return head + tables.map(([what, table]) => `\n${what} (model)\n\n${table}`).join('');
}

const losses = {
  card: 'lost before the card',
  link: 'lost before the link',
  host: 'lost before a core',
  out: 'lost on the way out',
} as const;

function throughputTable({ offered, achieved, lost }: TimedReport, io: Terminal): string {
  const row = (what: string, { packets, packetsPerSecond, bitsPerSecond }: Throughput): (string | number)[] => [
    what,
    packets,
    formatShare(packets, offered.packets, 2),
    digits(packetsPerSecond / 1e6),
    digits(bitsPerSecond / 1e9),
  ];
  const lossRows = lossPlaces.map((place) => [
    losses[place],
    lost[place],
    formatShare(lost[place], offered.packets, 2),
    undefined,
    undefined,
  ]);
  return formatTable(
    [{ title: 'packets' }, ...['number', 'share', 'Mpps', 'Gb/s'].map(right)],
    [row('offered', offered), row('achieved', achieved), ...lossRows],
    '',
    io.width,
  );
}

function latencyTable({ latency }: TimedReport, io: Terminal): string {
  const row = (what: string, { packets, mean, p50, p99, p999, max }: Latency): (string | number)[] => [
    what,
    packets,
    ...[mean, p50, p99, p999, max].map((ns) => formatNumber(Math.round(ns))),
  ];
  return formatTable(
    [{ title: '' }, ...['packets', 'mean', 'p50', 'p99', 'p99.9', 'max'].map(right)],
    [row('hit', latency.hit), row('miss', latency.miss)],
    '',
    io.width,
  );
}

/** Two lists side by side: how busy units were, and what kept the card from the next packet. */
function unitsTable({ utilisation, stalls }: TimedReport, io: Terminal): string {
  const units = utilisation.map(({ unit, share }) => [unit, formatShare(share, 1)]);
  const causes = stalls.map(({ cause, share }) => [cause.replace('_', ' '), formatShare(share, 1)]);
  return formatTable(
    [{ title: 'unit' }, right('busy'), { title: 'stalled by' }, right('of the time')],
    Array.from({ length: Math.max(units.length, causes.length) }, (_, i) => [
      ...(units[i] ?? ['', '']),
      ...(causes[i] ?? ['', '']),
    ]),
    '',
    io.width,
  );
}

function linkTable({ link, hostCores }: TimedReport, io: Terminal): string {
  const row = (what: string, used: number, alone: number, text: (value: number) => string): string[] => [
    what,
    text(used),
    text(alone),
    saved(used, alone),
  ];
  return formatTable(
    [{ title: '' }, right('with the card'), right('without'), right('saved')],
    [
      row('bytes over the link', link.bytes, link.aloneBytes, formatNumber),
      row('transactions', link.transactions, link.aloneTransactions, formatNumber),
      row('cores of the host', hostCores.used, hostCores.alone, digits),
    ],
    '',
    io.width,
  );
}

function timelineTable({ timeline }: TimedReport, io: Terminal): string {
  return formatTable(
    ['from (us)', 'offered', 'hits', 'misses', 'lost', 'installs'].map(right),
    shortened(timeline).map(({ microseconds, offered, hits, misses, lost, installs }) => [
      digits(microseconds),
      offered,
      hits,
      misses,
      lost,
      installs,
    ]),
    '',
    io.width,
  );
}

/** What was saved, in percent; a cost where it is negative. */
function saved(used: number, alone: number): string {
  return alone === 0 ? '' : formatShare(alone - used, alone, 1);
}

type TimelineRow = TimedReport['timeline'][number];
/** Rows of the timeline that are shown at most; JSON has up to 64. */
const mostRows = 16;

/** Neighbours become one until few enough are left. */
function shortened(rows: readonly TimelineRow[]): readonly TimelineRow[] {
  if (rows.length <= mostRows) return rows;
  const half = rows.flatMap((row, i): TimelineRow[] => {
    if (i % 2 === 1) return [];
    const next = rows[i + 1];
    if (next === undefined) return [row];
    const sum = (key: 'offered' | 'hits' | 'misses' | 'lost' | 'installs'): number => row[key] + next[key];
    return [
      {
        microseconds: row.microseconds,
        offered: sum('offered'),
        hits: sum('hits'),
        misses: sum('misses'),
        lost: sum('lost'),
        installs: sum('installs'),
      },
    ];
  });
  return shortened(half);
}

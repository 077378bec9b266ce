/** The plots of docs/evaluation.md, by file name. */
import { type Axis, barChart, lineChart, type Series } from '../../report/index.js';
import { cacheSizes, mostRanks, type ProgramResult } from './measure.js';
import {
  commonTraffics,
  coverageQuantile,
  manyPaths,
  mean,
  meanCurves,
  quantile,
  realTraffic,
  trafficOf,
  withManyPaths,
} from './summary.js';

// Axes that several plots share, so that they can be compared by eye.
const percent: Axis = { label: 'share of packets (%)', scale: 'linear', min: 0, max: 100 };
const hitRate: Axis = { ...percent, label: 'hit rate (%), mean over programs' };
const sizes: Axis = { label: 'traces that fit', scale: 'log', min: 1, max: 64 };

/** `corpus` may be empty. */
export function charts(
  examples: readonly ProgramResult[],
  corpus: readonly ProgramResult[],
): ReadonlyMap<string, string> {
  return new Map([
    ['coverage.svg', coverageChart(examples, corpus)],
    ['policies.svg', policiesChart(withManyPaths([...examples, ...corpus]))],
    ['skew.svg', skewChart([...examples, ...corpus])],
    ['attack.svg', attackChart(examples)],
    ['instructions.svg', instructionsChart(examples)],
  ]);
}

/**
 * Share of packets by number of traces: each example on its own, and quantiles over all programs, of which there are
 * too many for a line each.
 */
function coverageChart(examples: readonly ProgramResult[], corpus: readonly ProgramResult[]): string {
  const own = examples.map(
    (result): Series => ({
      name: short(result.object),
      points: realTraffic(result).coverage.map((share, k) => [k + 1, 100 * share] as const),
    }),
  );
  const all = [...examples, ...corpus];
  const quantiles = [
    ['half of the programs have at least', 0.5],
    ['nine in ten have at least', 0.1],
  ] as const;
  const common = quantiles.map(([name, share]): Series => {
    const rows = all.map((result) => trafficOf(result, 'campus')).filter((row) => row !== undefined);
    return {
      name,
      points: coverageQuantile(rows, share, mostRanks).map((covered, k) => [k + 1, 100 * covered] as const),
    };
  });
  return lineChart({
    title: 'How many packets the most frequent traces decide',
    x: { label: 'traces, the most frequent first', scale: 'log', min: 1, max: mostRanks },
    y: percent,
    panels: [
      { title: 'examples, their own traffic', series: own },
      { title: `${all.length} programs, campus traffic`, series: common },
    ],
  });
}

/** Hit rate by cache size, a line a policy, under realistic traffic and in the worst order of the same packets. */
function policiesChart(all: readonly ProgramResult[]): string {
  const panel = (title: string, curves: readonly ProgramResult['worst']['curves'][]) => ({
    title,
    series: meanCurves(curves).map(({ policy, rates }) => ({
      name: policy,
      points: rates.map((rate, i) => [cacheSizes[i] ?? 1, 100 * rate] as const),
    })),
  });
  return lineChart({
    title: `Hit rate by size and policy: ${all.length} programs with ${manyPaths} paths or more`,
    x: sizes,
    y: hitRate,
    panels: [
      panel(
        'realistic traffic',
        all.map((result) => realTraffic(result).curves),
      ),
      panel(
        'the same packets in the worst order',
        all.map((result) => result.worst.curves),
      ),
    ],
  });
}

/** Traces for 90 and 99 % of the packets by kind of traffic: whether skew between flows matters. */
function skewChart(all: readonly ProgramResult[]): string {
  const names = commonTraffics(all);
  const shares = [
    ['90 % of packets', 'for90'],
    ['99 % of packets', 'for99'],
  ] as const;
  const groups = names.map((name) => {
    const rows = all.map((result) => trafficOf(result, name)).filter((row) => row !== undefined);
    return {
      name,
      values: shares.map(([, key]) =>
        quantile(
          rows.map((row) => row[key]),
          0.9,
        ),
      ),
    };
  });
  const most = Math.max(2, ...groups.flatMap(({ values }) => values.map((value) => value ?? 0)));
  return barChart({
    title: 'Traces that nine in ten programs need at most, by traffic',
    y: { label: 'traces', scale: 'linear', min: 0, max: Math.ceil(most / 5) * 5 },
    bars: shares.map(([name]) => name),
    // Where even all traces do not decide so many packets, the bar goes to the top.
    groups: groups.map(({ name, values }) => ({ name, values: values.map((value) => value ?? most) })),
  });
}

/** Honest hits and recordings, without an attack and with one, by defence. */
function attackChart(examples: readonly ProgramResult[]): string {
  const attacks = examples.map(({ attack }) => attack).filter((attack) => attack !== undefined);
  const [first] = attacks;
  const names = [first?.calm.name ?? '', ...(first?.attacked ?? []).map(({ name }) => name)];
  const of = (i: number, key: 'honestHits' | 'recordings'): number =>
    100 * mean(attacks.map((attack) => [attack.calm, ...attack.attacked][i]?.[key] ?? 0));
  return barChart({
    title: 'An attack on the cache and what helps: mean over the examples',
    y: { ...percent, label: 'percent' },
    bars: ['honest packets that hit', 'recordings for 100 packets'],
    groups: names.map((name, i) => ({ name, values: [of(i, 'honestHits'), of(i, 'recordings')] })),
  });
}

/** Instructions a packet of the whole program, of a hit, and of a hit whose condition a ternary memory decides. */
function instructionsChart(examples: readonly ProgramResult[]): string {
  const groups = examples.map(({ object, insnsPerPacket: { whole, condition, body } }) => ({
    name: short(object),
    values: [whole, condition + body, body],
  }));
  const most = Math.max(...groups.flatMap(({ values }) => values));
  return barChart({
    title: 'Instructions a packet, examples with their own traffic',
    y: { label: 'instructions', scale: 'linear', min: 0, max: Math.ceil(most / 50) * 50 },
    bars: ['whole program', 'trace: condition and body', 'trace: body alone'],
    groups,
  });
}

/** `nat` of `examples/nat/nat.o`. */
export function short(object: string): string {
  return object.replace(/^.*\//, '').replace(/\.o$/, '');
}

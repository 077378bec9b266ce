/** Figures over many programs. */
import type { ProgramResult, TrafficResult } from './measure.js';

/** The value below which a share of the others lies; undefined values count as larger than all. */
export function quantile(values: readonly (number | undefined)[], share: number): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.map((value) => value ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.POSITIVE_INFINITY;
  return value === Number.POSITIVE_INFINITY ? undefined : value;
}

/** Arithmetic mean; 0 of nothing. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The figures under the traffic of that name, if the program had it. */
export function trafficOf(result: ProgramResult, name: string): TrafficResult | undefined {
  return result.traffics.find(({ traffic }) => traffic === name);
}

/** Its own packets, or what stands for realistic traffic. */
export function realTraffic(result: ProgramResult): TrafficResult {
  const [first] = result.traffics;
  if (first === undefined) throw new Error(`${result.object} ${result.program} ran no traffic`);
  return first;
}

/** Traffics that more than one program ran, in order. */
export function commonTraffics(results: readonly ProgramResult[]): string[] {
  const names = new Set(results.flatMap(({ traffics }) => traffics.map(({ traffic }) => traffic)));
  names.delete('own');
  return [...names];
}

/**
 * Shares of the packets that the k most frequent traces decide, k from 1 to `most`: the middle one of the programs, or
 * another quantile.
 */
export function coverageQuantile(results: readonly TrafficResult[], share: number, most: number): number[] {
  return Array.from({ length: most }, (_, k) => {
    const covered = results.map(({ coverage }) => coverage[Math.min(k, coverage.length - 1)] ?? 0);
    return quantile(covered, share) ?? 0;
  });
}

/** Mean over programs of the share that hits, by size, for each policy. */
export function meanCurves(
  curves: readonly TrafficResult['curves'][],
): readonly { readonly policy: string; readonly rates: readonly number[] }[] {
  const [first] = curves;
  return Object.keys(first ?? {}).map((policy) => ({
    policy,
    rates: (first?.[policy] ?? []).map((_, i) => mean(curves.map((curve) => curve[policy]?.[i] ?? 0))),
  }));
}

/** From so many paths on a small cache has something to choose. */
export const manyPaths = 8;

/** Programs with so many paths under realistic traffic that sizes and policies make a difference. */
export function withManyPaths(results: readonly ProgramResult[]): ProgramResult[] {
  return results.filter((result) => realTraffic(result).paths >= manyPaths);
}

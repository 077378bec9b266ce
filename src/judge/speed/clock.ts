/** Clocks and statistics of the speed measurements. */

/** Nanoseconds a packet. */
export interface Figure {
  readonly median: number;
  /** Half the distance between the first and the third quartile. */
  readonly spread: number;
}

/** One turn of an engine; returns nanoseconds a packet. */
export type Turn = () => number;

/**
 * Nanoseconds of processor time of this process, system calls included, to the microsecond. What else runs on the
 * machine takes wall time from a turn, but none of this.
 */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return 1000 * (user + system);
}

/** Wall time in nanoseconds, for stretches that are too short for {@link cpuTime}. */
export function wallTime(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return 1e9 * seconds + nanoseconds;
}

/** Repeats `run`, which works on `count` packets, until a turn's time is used up. */
export function timed(seconds: number, count: number, run: () => void): number {
  let packets = 0;
  const start = cpuTime();
  let now = start;
  do {
    run();
    packets += count;
    now = cpuTime();
  } while (now - start < 1e9 * seconds);
  return (now - start) / packets;
}

/** Median and half the distance between the quartiles; 0 for an empty list. */
export function summarize(list: readonly number[]): Figure {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { median: at(0.5), spread: (at(0.75) - at(0.25)) / 2 };
}

/**
 * Standard error of the median of normally distributed figures, from their quartiles: 1.253 sigma / sqrt(n), and half
 * the quartiles' distance is 0.674 sigma.
 */
export function errorOfMedian(list: readonly number[]): number {
  return ((1.253 / 0.674) * summarize(list).spread) / Math.sqrt(list.length);
}

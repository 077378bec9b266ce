/** Two versions of a program on the same packets: where the new one costs more. */

/** Means of packets of one kind that one version decided alike. */
export interface VersionRow {
  readonly class: string;
  readonly verdict: string;
  readonly packets: number;
  readonly insns: number;
  /** Loads and stores, the program's own and helpers'. */
  readonly memory: number;
  /** Nanoseconds on the kernel. */
  readonly ns: number;
}

/** A kind of packet and a verdict in both versions; undefined where one has none such. */
export interface ComparedRow {
  readonly class: string;
  readonly verdict: string;
  readonly old: VersionRow | undefined;
  readonly fresh: VersionRow | undefined;
  /** What of the new version is more than the tolerance allows. */
  readonly worse: readonly ('insns' | 'memory' | 'ns')[];
}

/** Rounding of means that went through JSON. */
const tiny = 1e-6;

/** `tolerance`: share that a mean may grow by, 0.02 for 2 %. */
export function compareVersions(
  old: readonly VersionRow[],
  fresh: readonly VersionRow[],
  tolerance: number,
): ComparedRow[] {
  const keyOf = (row: VersionRow): string => `${row.class} ${row.verdict}`;
  const before = new Map(old.map((row) => [keyOf(row), row] as const));
  const after = new Map(fresh.map((row) => [keyOf(row), row] as const));
  return [...new Set([...before.keys(), ...after.keys()])].map((key) => {
    const [a, b] = [before.get(key), after.get(key)];
    const { class: kind, verdict } = (b ?? a) as VersionRow; // one of them has the key
    const worse =
      a === undefined || b === undefined
        ? []
        : (['insns', 'memory', 'ns'] as const).filter((what) => b[what] > a[what] * (1 + tolerance) + tiny);
    return { class: kind, verdict, old: a, fresh: b, worse };
  });
}

/** What the driver of Linux does besides translating, by name: each can be left out. */

/** A step that can be switched off. */
export interface ManycoreOptimizationRow {
  readonly name: ManycoreOptimization;
  /** One line, lower case. */
  readonly what: string;
}

/** Names, in the order in which they are listed. */
export const manycoreOptimizationNames = [
  'dead-branches',
  'zero-extension',
  'negative-immediates',
  'gathered-copies',
  'packet-cache',
  'short-forms',
  'reciprocal',
] as const;

/** A step's name. */
export type ManycoreOptimization = (typeof manycoreOptimizationNames)[number];

/** In the order in which they are listed. */
export const manycoreOptimizations: readonly ManycoreOptimizationRow[] = [
  { name: 'dead-branches', what: 'branches that the verifier knows to go one way, and what they never reach' },
  { name: 'zero-extension', what: 'upper words that nobody looks at are not cleared' },
  {
    name: 'negative-immediates',
    what: 'a negative constant is subtracted as its positive counterpart, which is shorter',
  },
  { name: 'gathered-copies', what: 'loads and stores that copy neighbouring bytes become one read and one write' },
  { name: 'packet-cache', what: 'neighbouring packet bytes are read at once and kept in transfer registers' },
  { name: 'short-forms', what: 'products and atomic additions of numbers of 16 bits' },
  { name: 'reciprocal', what: 'division by a constant as a multiplication' },
];

/** All of them. */
export const allManycoreOptimizations: ReadonlySet<ManycoreOptimization> = new Set(manycoreOptimizationNames);

/** Maps that a version has beside those of the program: samples, compared values, what a trial counts. */
import type { Bpf } from '../linux/index.js';
import { mapTypeNumber } from '../platform/index.js';

/**
 * An array with one element, for it is found without a look-up that could miss, and its bytes are read by user space
 * in one call. Returns its descriptor, which the caller closes.
 */
export function ownMap(bpf: Bpf, { name, valueSize }: { readonly name: string; readonly valueSize: number }): number {
  return bpf.mapCreate({ type: mapTypeNumber('array'), keySize: 4, maxEntries: 1, valueSize, name });
}

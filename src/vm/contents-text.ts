import { hex } from '../text/index.js';
import type { BpfMap } from './map.js';

/** All elements that were written, in the order of their keys, as one text: two maps are alike if these are. */
export function contentsText(map: BpfMap | undefined): string {
  return [...(map?.writtenEntries() ?? [])]
    .map(({ key, value }) => `${hex(key)}=${hex(value)}`)
    .sort()
    .join();
}

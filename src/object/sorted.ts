/**
 * Index of the first entry of a sorted list whose `key` is at least `wanted`; the list's length when there is none.
 */
export function lowerBound<T>(list: readonly T[], wanted: number, key: (entry: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = list[middle];
    if (entry !== undefined && key(entry) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

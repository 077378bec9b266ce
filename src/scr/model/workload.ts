/**
 * Traffic as the model sees it: of each packet which element of the state it is about, and how long it is. The order
 * counts: shares change as flows come and go, so formulas are asked window by window.
 */

/** A stretch of packets. */
export interface Workload {
  readonly name: string;
  /** Of each packet the number of its element of the state, from 0 in the order of their first packets. */
  readonly keys: Uint32Array;
  readonly keyCount: number;
  /** Of all, Ethernet header included, bytes. */
  readonly meanLength: number;
}

/** A window's packets by element, the busiest first. */
export interface KeyCounts {
  readonly packets: number;
  readonly counts: readonly { readonly key: number; readonly packets: number }[];
}

/** Packets of a window: as many as queues of 64 cores hold. */
export const windowPackets = 8192;

/** Makes a workload out of packets one by one. */
export class WorkloadBuilder {
  private readonly numbers = new Map<string | number, number>();
  private readonly keys: number[] = [];
  private bytes = 0;

  add(key: string | number, length: number): void {
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(key, number);
    }
    this.keys.push(number);
    this.bytes += length;
  }

  get packets(): number {
    return this.keys.length;
  }

  finish(name: string): Workload {
    const { keys, numbers, bytes } = this;
    return { name, keys: Uint32Array.from(keys), keyCount: numbers.size, meanLength: bytes / Math.max(1, keys.length) };
  }
}

/** Counts by window, in order; what is left at the end belongs to the last one. */
export function keyWindows({ keys, keyCount }: Workload, size: number = windowPackets): readonly KeyCounts[] {
  const count = Math.max(1, Math.floor(keys.length / size));
  const windows: KeyCounts[] = [];
  for (let i = 0; i < count; i++) {
    const part = keys.subarray(i * size, i + 1 === count ? keys.length : (i + 1) * size);
    const sums = new Uint32Array(keyCount);
    for (const key of part) (sums[key] as number)++;
    const counts: { key: number; packets: number }[] = [];
    for (const [key, packets] of sums.entries()) if (packets > 0) counts.push({ key, packets });
    counts.sort((a, b) => b.packets - a.packets || a.key - b.key);
    windows.push({ packets: part.length, counts });
  }
  return windows;
}

/** Share of the busiest element over all. */
export function largestShare(workload: Workload): number {
  const [all] = keyWindows(workload, Math.max(1, workload.keys.length));
  return all === undefined || all.packets === 0 ? 0 : (all.counts[0]?.packets ?? 0) / all.packets;
}

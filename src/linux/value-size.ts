import type { MapSpec } from '../object/index.js';
import { isPercpuMap } from '../platform/index.js';

/** Bytes of a value as user space sees it: those of all CPUs, each rounded up to 8 bytes, where each has one. */
export function userValueSize({ type, valueSize }: MapSpec, cpus: number): number {
  return isPercpuMap(type) ? ((valueSize + 7) & ~7) * cpus : valueSize;
}

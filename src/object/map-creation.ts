/** What becomes of an object's maps when libbpf loads it: some are rounded, some lose their BTF, some are refused. */
import { mapFlags } from '../platform/index.js';
import { type MapRefusal, refuseMap } from './map-check.js';
import type { MapFacts } from './map-facts.js';
import type { MapSpec } from './spec.js';

const pageSize = 4096;

/** What libbpf makes of a spec before it asks the kernel, and the kernel's own rounding. */
function adjustSpec(spec: MapSpec, cpus: number): MapSpec {
  const maxEntries = adjustMaxEntries(spec, cpus);
  const inner = spec.inner === undefined ? undefined : adjustSpec(spec.inner, cpus);
  return maxEntries === spec.maxEntries && inner === spec.inner ? spec : { ...spec, maxEntries, inner };
}

/** The number of entries that libbpf asks for. */
function adjustMaxEntries(spec: MapSpec, cpus: number): number {
  const { type, maxEntries } = spec;
  // libbpf: a perf event array of no declared size has a slot for each CPU.
  if (type === 'perf_event_array' && maxEntries === 0) return cpus;
  if ((type === 'ringbuf' || type === 'user_ringbuf') && maxEntries > 0) {
    // libbpf, adjust_ringbuf_sz: the next power of two of pages.
    let size = pageSize;
    while (size < maxEntries) size *= 2;
    return size;
  }
  if ((type === 'lru_hash' || type === 'lru_percpu_hash') && (spec.flags & mapFlags.noCommonLru) !== 0) {
    // htab_map_alloc: every CPU's list has the same number of elements, at least one.
    const rounded = Math.ceil(maxEntries / cpus) * cpus;
    return rounded > 0xffff_ffff ? Math.floor(maxEntries / cpus) * cpus : rounded;
  }
  return maxEntries;
}

/** What a loader gets from Linux for a map. */
export interface CreationOutcome {
  /** The map as it exists afterwards, BTF or not. */
  readonly spec: MapSpec;
  readonly facts: MapFacts | undefined;
  readonly refusal: MapRefusal | undefined;
}

/**
 * Asks as libbpf does: a map that Linux does not take with its BTF is asked for once more without
 * (bpf_object__create_map), and then has no locks or timers that anyone knows of.
 */
function createAsLibbpf(spec: MapSpec, facts?: MapFacts): CreationOutcome {
  const refusal = refuseMap(spec, facts);
  if (refusal === undefined || (spec.btfKeyId === 0 && spec.btfValueId === 0)) return { spec, facts, refusal };
  const plain = { ...spec, btfKeyId: 0, btfValueId: 0 };
  const second = refuseMap(plain);
  return second === undefined
    ? { spec: plain, facts: undefined, refusal: undefined }
    : { spec, facts, refusal: second };
}

/**
 * What becomes of a map when libbpf loads the object on a machine of `cpus` possible CPUs: rounded, with or without
 * BTF, or refused.
 */
export function creationOf(spec: MapSpec, cpus: number, facts?: MapFacts): CreationOutcome {
  return createAsLibbpf(adjustSpec(spec, cpus), facts);
}

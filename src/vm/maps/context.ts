/** What a map must know of its surroundings when it is made. */
import type { MapFacts, ProgramSpec } from '../../object/index.js';
import type { BpfMap } from '../map.js';

/** Surroundings of a map: what Linux takes from the kernel, and from other maps. */
export interface MapContext {
  /** Possible CPUs: per-CPU values, LRU lists, CPUMAP's limit. At least 1. */
  readonly cpus: number;
  readonly facts?: MapFacts | undefined;
  /**
   * The object's programs; values of PROG_ARRAY, DEVMAP and CPUMAP are index + 1 in it. Without it any number is
   * taken.
   */
  readonly programs?: readonly ProgramSpec[] | undefined;
  /**
   * The map with an id (`BpfMap.id`: index + 1): what a map of maps is given as a value. Asked only when such a map is
   * updated.
   */
  readonly mapById?: ((id: number) => BpfMap | undefined) | undefined;
  /** Whether a DEVMAP may hold an interface; default all. */
  readonly interfaceExists?: ((ifindex: number) => boolean) | undefined;
}

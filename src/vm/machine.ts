import type { Insn } from '../isa/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/spec.js';
import type { BpfMap } from './map.js';
import type { GuestMemory } from './memory.js';

// CONTRACT under construction: the owner of this file fills in the classes; names and meanings below are agreed.

/** A program with its references resolved to guest addresses: lddw of maps, values and functions hold addresses as plain constants. */
export interface LoadedProgram {
  readonly spec: ProgramSpec;
  /** Position in `Machine.programs`; what PROG_ARRAY slots hold (plus one). */
  readonly index: number;
  readonly insns: readonly Insn[];
}

/** What a packet left behind besides verdict, bytes and maps. */
export type Output =
  | { readonly kind: 'perf'; readonly map: string; readonly index: number; readonly data: Uint8Array }
  | { readonly kind: 'ringbuf'; readonly map: string; readonly data: Uint8Array }
  | { readonly kind: 'printk'; readonly text: string };

/** Where XDP_REDIRECT goes. */
export type RedirectTarget =
  | { readonly kind: 'interface'; readonly ifindex: number }
  | { readonly kind: 'devmap'; readonly map: string; readonly key: number; readonly ifindexes: readonly number[] }
  | { readonly kind: 'cpumap'; readonly map: string; readonly key: number; readonly cpu: number }
  | { readonly kind: 'xskmap'; readonly map: string; readonly key: number; readonly socket: number };

export interface MachineOptions {
  /** Number of possible CPUs (per-CPU values); default 1. */
  readonly cpus?: number;
  /** Seed of bpf_get_prandom_u32; default 1. */
  readonly seed?: bigint;
}

export interface PacketInput {
  readonly data: Uint8Array;
  /** Bytes of metadata before the data; default none. */
  readonly meta?: Uint8Array;
  readonly ingressIfindex?: number;
  readonly rxQueueIndex?: number;
  readonly egressIfindex?: number;
  /** Nanoseconds; what bpf_ktime_get_ns and its kin see. */
  readonly now?: bigint;
  /** CPU that runs the program; default 0. */
  readonly cpu?: number;
}

export interface Machine {
  readonly object: ObjectSpec;
  readonly memory: GuestMemory;
  /** By index in `object.maps`; inner maps that the object does not name come after. */
  readonly maps: readonly BpfMap[];
  readonly programs: readonly LoadedProgram[];
  /** Puts a packet into the packet buffer and fills xdp_md. */
  setPacket(input: PacketInput): void;
  /** The packet as it is now, fragments joined: a copy. */
  packetBytes(): Uint8Array;
  /** Metadata as it is now: a copy. */
  metaBytes(): Uint8Array;
  readonly outputs: readonly Output[];
  /** Target of the last redirect helper call; meaningful with verdict REDIRECT. */
  readonly redirect: RedirectTarget | undefined;
  /** Transaction: everything that a program can change is restored by rollback. */
  begin(): void;
  commit(): void;
  rollback(): void;
}

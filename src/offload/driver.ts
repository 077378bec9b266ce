/**
 * What a driver of a card does for the kernel (struct bpf_prog_offload_ops, struct bpf_map_dev_ops, ndo_bpf). It holds
 * nothing itself: what it knows of programs and maps stands in their records. Refusals are thrown.
 */
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import type { DeviceHooks, ProgramFacts } from '../verifier/index.js';
import type { Element } from './elements.js';
import type { DeviceRecord, MapRecord, Model, NetdevRecord, ProgRecord } from './model.js';
import type { MapUse } from './nfp/map-use.js';

/** A program on its way to a card. */
export interface DeviceLoad {
  readonly device: DeviceRecord;
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly isClassifier: boolean;
  /** Use of the words of each map of the object; what the verification finds out goes there. */
  readonly uses: readonly (MapUse | undefined)[];
  /** Numbers of the maps, as the image names them. */
  readonly mapIds: readonly number[];
}

/** Code for a card. */
export interface Translation {
  /** Words in hexadecimal, as the instruction store has them. */
  readonly image: readonly string[];
  /** Slot of the program that each comes from; -1: none. */
  readonly slots: readonly number[];
  /** The same as text. */
  readonly listing: readonly string[];
  readonly maxPacketOffset: number;
  readonly stackSize: number;
}

/** What a driver made of a program before it is verified: hooks, and how to translate it then. */
export interface Prepared {
  readonly hooks: DeviceHooks;
  translate(facts: ProgramFacts | undefined): Translation;
}

/** Operations on a map that lives on a card. */
export interface DeviceMapOps {
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array, flags: number): void;
  delete(key: Uint8Array): void;
  next(key: Uint8Array | undefined): Uint8Array | undefined;
  all(): readonly Element[];
}

/** A driver. */
export interface Driver {
  prepare(load: DeviceLoad): Prepared;
  /** May there be such a map? `element`s that it begins with are put there. */
  mapAlloc(model: Model, netdev: NetdevRecord, map: MapRecord): readonly Element[];
  mapOps(model: Model, device: DeviceRecord, map: MapRecord): DeviceMapOps;
  /** A program runs in the driver from now on; undefined: none does. */
  setupDriver(netdev: NetdevRecord, prog: ProgRecord | undefined): void;
  /** The same on the card. `before` is what runs there, from XDP; `matches`: it is bound to this card. */
  setupCard(model: Model, netdev: NetdevRecord, prog: ProgRecord | undefined, matches: boolean): void;
  /** A classifier goes to the card in place of `before` (0: of none). */
  setupClassifier(model: Model, netdev: NetdevRecord, prog: ProgRecord | undefined, before: number): void;
  checkMtu(model: Model, netdev: NetdevRecord, mtu: number): void;
}

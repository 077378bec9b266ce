/**
 * What a driver of a card does for the kernel (struct bpf_prog_offload_ops, struct bpf_map_dev_ops, ndo_bpf). It holds
 * nothing itself: what it knows of programs and maps stands in their records. Refusals are thrown.
 *
 * So a driver is a table of functions from records to records or a refusal, and may be asked in a transaction that is
 * undone later. Two things follow. It writes to records through the model only, and to `uses`, which are copies. And
 * it is told of what it has running by its arguments; a pointer kept from an earlier call, as in Linux, could be out
 * of date.
 *
 * Order of calls for one program: `prepare`, the hooks while it is verified, `translate`, and later `setupCard` or
 * `setupClassifier`, any number of times. Linux has the same order (bpf_prog_offload_init to _compile).
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
  /** Farthest byte of the packet that may be touched, as the verifier found it; -1: it was not asked. */
  readonly maxPacketOffset: number;
  /** Bytes of the deepest chain of calls. */
  readonly stackSize: number;
}

/** What a driver made of a program before it is verified: hooks, and how to translate it then. */
export interface Prepared {
  readonly hooks: DeviceHooks;
  /** Called once, after the program was accepted. May refuse still: code may be too long. */
  translate(facts: ProgramFacts | undefined): Translation;
}

/** Operations on a map, as bpf(2) asks for them. */
export interface MapControl {
  /** Sizes of keys and values have been checked by the caller. Undefined: there is none. */
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array, flags: number): void;
  delete(key: Uint8Array): void;
  /** The key behind this one; the first for none, and for one that is gone, so that a walk goes on. */
  next(key: Uint8Array | undefined): Uint8Array | undefined;
}

/** The elements of a map that lives on a card, as they are at this moment. */
export interface DeviceMapOps extends MapControl {
  all(): readonly Element[];
}

/** A driver. Methods named `setup` leave the records alone: the caller notes what was accepted. */
export interface Driver {
  /** Types of maps that live on its cards. Linux knows two (bpf_map_offload_map_alloc). */
  readonly mapTypes: ReadonlySet<string>;
  /** May refuse before anything is verified: a card that takes no programs. */
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
  /** `mtu` is in bytes without the Ethernet header. Refuses one that what is attached could not live with. */
  checkMtu(model: Model, netdev: NetdevRecord, mtu: number): void;
}

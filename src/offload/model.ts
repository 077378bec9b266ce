/**
 * What is held: cards, their network devices, programs, maps, pins. Each is one record; keys say which.
 *
 *     device/NAME   netdev/NAME   prog/ID   map/ID   pin/PATH
 *     elem/MAP/KEY  slot/MAP      elements of maps, and the next slot of a large one (see `elements.ts`)
 *     traffic/NAME  frames/NAME   sources of packets, and their captures
 *     next/KIND     the number that is given next
 *
 * Records refer to each other by name or number, never by value, so a change is a put of one small record.
 */
import type { ErrnoName, MapTypeName } from '../platform/index.js';
import type { CapabilityName } from './capabilities.js';
import type { WordUse } from './nfp/map-use.js';
import type { Json, Records } from './records.js';
import { OffloadRefusal } from './refusal.js';

/** Drivers that a card may have. */
export const driverNames = ['nfp', 'netdevsim', 'jitnic'] as const;

/** One of {@link driverNames}. */
export type DriverName = (typeof driverNames)[number];

/** A card (`device/NAME`): one ASIC, however many network devices it has. */
export type DeviceRecord = {
  readonly name: string;
  readonly driver: DriverName;
  /** The card model, by its name; of netdevsim none. */
  readonly card: string;
  /** Capabilities that are switched off. */
  readonly off: readonly CapabilityName[];
  /** netdevsim's knobs of the whole device. */
  readonly knobs: DeviceKnobs;
};

/** netdevsim's files of a device in debugfs. */
export type DeviceKnobs = {
  readonly bpf_bind_accept: boolean;
  readonly bpf_bind_verifier_accept: boolean;
};

/** netdevsim's files of a port in debugfs. */
export type PortKnobs = {
  readonly bpf_xdpdrv_accept: boolean;
  readonly bpf_xdpoffload_accept: boolean;
  readonly bpf_map_accept: boolean;
  readonly bpf_tc_accept: boolean;
  readonly bpf_tc_non_bound_accept: boolean;
};

/** What runs in each mode, by number; 0: nothing. */
export type XdpState = { readonly skb: number; readonly drv: number; readonly hw: number };

/** A mode of {@link XdpState}. */
export type XdpMode = keyof XdpState;

/** A classifier on a network device. */
export type FilterRecord = {
  /** A lower one runs first; with `handle` and `chain` it names the filter. */
  readonly prio: number;
  readonly handle: number;
  readonly chain: number;
  readonly prog: number;
  readonly skipSw: boolean;
  readonly skipHw: boolean;
  /** The card took it. False without `skipSw` is no error: it runs on the host. */
  readonly inHw: boolean;
};

/** A network device (`netdev/NAME`). */
export type NetdevRecord = {
  readonly name: string;
  /** From 1, and never given twice. */
  readonly ifindex: number;
  readonly device: string;
  /** Bytes, without the Ethernet header. */
  readonly mtu: number;
  readonly xdp: XdpState;
  readonly knobs: PortKnobs;
  /** ethtool -K hw-tc-offload. */
  readonly tcOffload: boolean;
  readonly filters: readonly FilterRecord[];
  /** What the driver has on the card, from XDP or TC; 0: nothing. */
  readonly offloaded: number;
};

/** Where a source line begins in a program (bpf_line_info). */
export type ProgLine = {
  readonly slot: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
};

/** A program (`prog/ID`). */
export type ProgRecord = {
  readonly id: number;
  readonly name: string;
  readonly type: 'xdp' | 'sched_cls';
  /** Sixteen hexadecimal digits (see `tag.ts`). */
  readonly tag: string;
  readonly gpl: boolean;
  /** Seconds since 1970. */
  readonly loadedAt: number;
  /** Instructions as bytes in hexadecimal; references to maps have their numbers. */
  readonly insns: string;
  /** Maps that it uses, in the order of their first use. */
  readonly mapIds: readonly number[];
  /** It was loaded for a card. */
  readonly forDevice: boolean;
  /** Network device that it is bound to; empty: none, or the card is gone. */
  readonly netdev: string;
  /** Words of the card's code in hexadecimal, and the slot that each comes from. */
  readonly image: readonly string[];
  readonly slots: readonly number[];
  readonly listing: readonly string[];
  readonly maxPacketOffset: number;
  readonly stackSize: number;
  /** In slot order; without BTF none. */
  readonly lines: readonly ProgLine[];
};

/** A map (`map/ID`). */
export type MapRecord = {
  readonly id: number;
  readonly name: string;
  readonly type: MapTypeName;
  /** Bytes, as the next. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** It was made on a card, even where that is gone: `netdev` is empty then. */
  readonly forDevice: boolean;
  readonly netdev: string;
  /** What programs do with the words of its values. */
  readonly use: readonly { readonly use: WordUse; readonly nonZero: boolean }[];
};

/** A name by which a program or map is held (`pin/PATH`). */
export type PinRecord = { readonly kind: 'prog' | 'map'; readonly id: number };

/** What programs of one place decided: packets by verdict. */
export type TrafficCounts = {
  readonly aborted: number;
  readonly drop: number;
  readonly pass: number;
  readonly tx: number;
  readonly redirect: number;
};

/** A source of packets (`traffic/NAME`); its capture, in base 64, is `frames/NAME`. */
export type TrafficRecord = {
  readonly name: string;
  readonly dev: string;
  /** Packets a second; 0: as fast as they are decided. */
  readonly rate: number;
  /** How many times the capture arrives; 0: until it is stopped. */
  readonly loops: number;
  /** In the capture. */
  readonly packets: number;
  /** So far, over all rounds, as the next. */
  readonly sent: number;
  readonly bytes: number;
  /** `stopped`: it can't go on, and `why` says why. */
  readonly state: 'running' | 'done' | 'stopped';
  readonly why: string;
  readonly decided: { readonly [mode in XdpMode]: TrafficCounts };
  /** Packets that went on to the stack of the host. */
  readonly stack: number;
};

/** Kinds of records, with the beginnings of their keys. */
interface Kinds {
  readonly device: DeviceRecord;
  readonly netdev: NetdevRecord;
  readonly prog: ProgRecord;
  readonly map: MapRecord;
  readonly pin: PinRecord;
  readonly traffic: TrafficRecord;
  readonly frames: string;
}

/** Records by kind and name; the only place where their types are taken on trust. */
export class Model {
  readonly records: Records;

  constructor(records: Records) {
    this.records = records;
  }

  find<K extends keyof Kinds>(kind: K, name: string | number): Kinds[K] | undefined {
    return this.records.get(`${kind}/${name}`) as unknown as Kinds[K] | undefined;
  }

  /** Throws ENODEV for a card or network device, ENOENT for all else; `what` says what was tried. */
  get<K extends keyof Kinds>(kind: K, name: string | number, what: string): Kinds[K] {
    const found = this.find(kind, name);
    if (found !== undefined) return found;
    const missing: ErrnoName = kind === 'device' || kind === 'netdev' ? 'ENODEV' : 'ENOENT';
    throw new OffloadRefusal(what, missing, { hint: hints[kind] });
  }

  put<K extends keyof Kinds>(kind: K, name: string | number, value: Kinds[K]): void {
    this.records.put(`${kind}/${name}`, value as unknown as Json);
  }

  delete(kind: keyof Kinds, name: string | number): void {
    this.records.delete(`${kind}/${name}`);
  }

  /** All of a kind: those with numbers by number, others by name. */
  all<K extends keyof Kinds>(kind: K): Kinds[K][] {
    return this.names(kind).map((name) => this.find(kind, name) as Kinds[K]);
  }

  /** Names of all of a kind, in order. */
  names(kind: keyof Kinds): string[] {
    const names = this.records.keys(`${kind}/`).map((key) => key.slice(kind.length + 1));
    return names.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0));
  }

  /** Maps that live on a card. */
  mapsOn(device: string): MapRecord[] {
    return this.all('map').filter(({ netdev }) => netdev !== '' && this.find('netdev', netdev)?.device === device);
  }

  /** The next number of a kind; numbers are not given twice. */
  nextId(kind: 'prog' | 'map' | 'ifindex'): number {
    const key = `next/${kind}`;
    const id = (this.records.get(key) as number | undefined) ?? 1;
    this.records.put(key, id + 1);
    return id;
  }
}

/** Where to look for what there is. */
const hints: Readonly<Record<keyof Kinds, string>> = {
  device: 'cards that are there: `jitnic device show`',
  netdev: 'network devices that are there: `jitnic net show`',
  prog: 'programs that are there: `jitnic prog show`',
  map: 'maps that are there: `jitnic map show`',
  pin: 'pins stand in `jitnic prog show` and `jitnic map show`',
  traffic: 'sources that are there: `jitnic net traffic show`',
  frames: 'sources that are there: `jitnic net traffic show`',
};

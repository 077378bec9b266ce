/** Follows look-ups, updates and deletions: which elements a run depends on, and what is in them. */
import { errno } from '../../platform/index.js';
import type { Term } from '../../solve/index.js';
import type { BpfMap, GuestAddress } from '../../vm/index.js';
import { type KeyClass, MapKeys, valueName } from './map-keys.js';
import type { PathFollower } from './path-follower.js';
import { referencesOf, type StartState } from './start-state.js';

/** Maps whose keys are indices below the number of their elements. */
const indexed: ReadonlySet<string> = new Set(
  (['array', 'percpu_array', 'array_of_maps', 'prog_array', 'devmap', 'cpumap', 'xskmap'] as const).map(String),
);
/** Of these, those whose elements are always there. */
const full: ReadonlySet<string> = new Set(['array', 'percpu_array']);
/** Longest values of globals and elements whose bytes are variables. */
const maxValue = 4096;

/** What two versions of a program call the same. */
export interface OtherVersion {
  /** Its classes. */
  readonly keys: MapKeys;
  /** What it calls this map: its index there. */
  mapOf(index: number): number;
}

/** Keys of one run, and what is known of their elements. */
export class KeyFollower {
  keys: MapKeys = new MapKeys();
  /** False: maps stay as they are, and elements are no part of the start. */
  readonly varies: boolean;
  /** The version of the program that has run from the same start before, if there is one. */
  other: OtherVersion | undefined;
  private readonly follower: PathFollower;
  private state: StartState | undefined;

  constructor(follower: PathFollower, varies: boolean) {
    this.follower = follower;
    this.varies = varies;
  }

  private numberOf({ index }: BpfMap): number {
    return this.other?.mapOf(index) ?? index;
  }

  /** Global variables are elements that every program has before it. */
  start(state: StartState): void {
    this.keys = new MapKeys();
    this.state = state;
    const { machine } = this.follower;
    if (!this.varies) return;
    for (const map of machine.maps) {
      const at = map.directValue();
      if (map.spec.init?.kind !== 'data' || map.isConstant || at === 0 || map.spec.valueSize > maxValue) continue;
      const key = this.keys.add(this.numberOf(map), new Uint8Array(4), undefined, 0, this.other?.keys);
      key.isGiven = true;
      this.arrive(key, map, at);
    }
  }

  /**
   * The class of the key at an address, its bytes as a number of 32 bits in `index`. Undefined: the map has no such
   * index.
   */
  classAt(map: BpfMap, address: number, isIndex = false): KeyClass | undefined {
    const { shadow, machine } = this.follower;
    const { keySize } = map.spec;
    const bytes = machine.memory.read(address as GuestAddress, keySize);
    const term = keySize === 0 ? undefined : shadow.load(address, keySize);
    return this.classOf(map, bytes, term, isIndex);
  }

  /** The class of a key that is a number in a register. */
  classOfIndex(map: BpfMap, register: number): KeyClass | undefined {
    const { follower } = this;
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, Number(BigInt.asUintN(32, follower.valueOf(register))), true);
    const term = follower.termOf(register);
    return this.classOf(map, bytes, term && follower.terms.extract(term, 31, 0), true);
  }

  private classOf(map: BpfMap, bytes: Uint8Array, key: Term | undefined, isIndex: boolean): KeyClass | undefined {
    const { follower, keys } = this;
    const { terms } = follower;
    const term = key?.op === 'const' ? undefined : key;
    if (indexed.has(map.spec.type)) {
      const limit = terms.bits(32, map.spec.maxEntries);
      const isIn = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) < map.spec.maxEntries;
      if (term !== undefined) follower.decide('branch', terms.ult(term, limit), isIn);
      if (!isIn) return undefined;
    } else if (isIndex) return undefined;
    const found = keys.find(this.numberOf(map), bytes);
    const own = term ?? constantOf(follower, bytes);
    if (found !== undefined) {
      follower.condition('key', terms.eq(own, found.term ?? constantOf(follower, found.bytes)));
      return found;
    }
    for (const other of keys.of(this.numberOf(map)))
      follower.condition('key', terms.distinct(own, other.term ?? constantOf(follower, other.bytes)));
    return keys.add(this.numberOf(map), bytes, term, follower.steps.length, this.other?.keys);
  }

  /** A look-up found an element there, or none (0). */
  found(key: KeyClass, map: BpfMap, address: number): void {
    if (full.has(map.spec.type)) {
      if (key.value === undefined) key.isGiven = this.isGiven(key, map);
    } else this.depend(key, map, address !== 0);
    if (address !== 0) this.arrive(key, map, address);
  }

  /** The run goes on in one way if there is an element, in another if not. */
  depend(key: KeyClass, map: BpfMap, isPresent: boolean): void {
    if (key.now === undefined) {
      key.atStart = isPresent;
      key.isGiven = isPresent && this.isGiven(key, map);
      key.isTaken = !isPresent && this.isTaken(key, map);
      this.follower.presence(key, isPresent);
    }
    key.now = isPresent;
  }

  /** The element has been made or written by the program: `from` is its value. */
  written(key: KeyClass, map: BpfMap, at: number, from: number): void {
    key.now = true;
    key.element = at === 0 ? undefined : { at, size: map.spec.valueSize };
    if (at !== 0 && map.spec.valueSize <= maxValue) this.follower.shadow.copy(at, from, map.spec.valueSize);
  }

  /** An element that was there at the start is seen for the first time. */
  private arrive(key: KeyClass, map: BpfMap, address: number): void {
    if (key.value !== undefined || !this.varies || (key.atStart !== true && key.now !== undefined)) return;
    const { shadow, machine } = this.follower;
    key.atStart = true;
    const { valueSize } = map.spec;
    if (referencesOf(machine, map) !== undefined) {
      const value = map.lookupElem(key.bytes);
      key.value = typeof value === 'number' ? undefined : value;
      return;
    }
    key.value = machine.memory.read(address as GuestAddress, valueSize);
    const { ordinal, map: number } = key;
    key.element = { at: address, size: map.spec.valueSize };
    if (valueSize <= maxValue)
      shadow.addSpan({ start: address, size: valueSize, name: (offset) => valueName(number, ordinal, offset) });
  }

  /** Is it there without the start's own elements? What covers a key of a trie has another key. */
  private isGiven(key: KeyClass, map: BpfMap): boolean {
    const own = this.state?.entries.filter((entry) => entry.map === map.index) ?? [];
    if (map.spec.type === 'lpm_trie') return own.length === 0;
    return !own.some((entry) => entry.key.every((byte, i) => byte === key.bytes[i]));
  }

  private isTaken({ bytes }: KeyClass, { index }: BpfMap): boolean {
    const absent = this.state?.absent ?? [];
    return absent.some((one) => one.map === index && one.key.every((byte, i) => byte === bytes[i]));
  }

  /** What an update with these flags says of the element that was there. */
  updated(key: KeyClass, map: BpfMap, flags: bigint, result: number): void {
    const mode = Number(flags & 3n);
    if (full.has(map.spec.type) || mode === 0) return;
    if (mode === 1) this.depend(key, map, result === -errno.EEXIST);
    else this.depend(key, map, result !== -errno.ENOENT);
  }
}

function constantOf({ terms }: PathFollower, bytes: Uint8Array): Term {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = value * 256n + BigInt(bytes[i] as number);
  return terms.bits(8 * bytes.length, value);
}

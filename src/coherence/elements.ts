/**
 * Elements of a program's maps: numbers that both sides give to keys, and a side's copies of them in the maps of its
 * own machine.
 */
import { UnsupportedError } from '../base/index.js';
import type { BpfMap, Machine, MapOp } from '../vm/index.js';
import type { ElementId, ElementStore, Use, Value } from './element.js';
import type { SharedMap } from './sharing.js';

/** An element's place. */
export interface ElementPlace {
  readonly map: number;
  /** Empty: the map as a whole. */
  readonly key: Uint8Array;
}

/** The key of a map that is one element. */
export const noKey: Uint8Array = new Uint8Array(0);

/** Numbers for keys, the same on both sides, in the order in which they are met. */
export class ElementTable {
  readonly places: ElementPlace[] = [];
  readonly shared: readonly SharedMap[];
  private readonly ids = new Map<string, ElementId>();
  /** Of each map: the keys that anybody has put in. */
  private readonly inserted = new Map<number, Set<ElementId>>();

  constructor(shared: readonly SharedMap[]) {
    this.shared = shared;
  }

  /** The element of a key; undefined: nobody writes the map. */
  of(map: number, key: Uint8Array): ElementId | undefined {
    const { protocol, isLocal, grain } = this.shared[map] ?? {};
    if (protocol === undefined && isLocal !== true) return undefined;
    return this.intern(map, grain === 'map' ? noKey : key);
  }

  private intern(map: number, key: Uint8Array): ElementId {
    const name = `${map}:${String.fromCharCode(...key)}`;
    const known = this.ids.get(name);
    if (known !== undefined) return known;
    this.ids.set(name, this.places.length);
    return this.places.push({ map, key: key.slice() }) - 1;
  }

  /**
   * A key is put in. Throws UnsupportedError when a map may become full: what goes, or is refused then, depends on all
   * its elements.
   */
  insert(machine: Machine, element: ElementId): void {
    const { map } = this.places[element] as ElementPlace;
    const keys = this.inserted.get(map) ?? new Set();
    this.inserted.set(map, keys);
    keys.add(element);
    const { maxEntries, name } = (machine.maps[map] as BpfMap).spec;
    if (keys.size <= maxEntries) return;
    throw new UnsupportedError(
      `map \`${name}\` has room for ${maxEntries} keys, and more have been put in: which of them stay is decided over all`,
      {},
      'a larger map, or fewer flows',
    );
  }
}

/** The elements that one run of a program used, from what was done to the maps. */
export function usesOf(machine: Machine, table: ElementTable, ops: readonly MapOp[]): Map<ElementId, Use> {
  const uses = new Map<ElementId, Use>();
  const found = new Map<string, ElementId>();
  const isAddedTo = (map: number): boolean => {
    const { isCounter, protocol } = table.shared[map] as SharedMap;
    return isCounter && (protocol === 'combine' || protocol === undefined);
  };
  const use = (element: ElementId | undefined, how: Use): void => {
    if (element === undefined) return;
    const before = uses.get(element);
    if (before === undefined || how === 'write' || (how === 'add' && before === 'read')) uses.set(element, how);
  };
  for (const op of ops) {
    switch (op.kind) {
      case 'lookup': {
        const element = table.of(op.map, op.key);
        if (element === undefined) break;
        if (op.found !== undefined) found.set(cellName(op.map, op.found.element), element);
        // Where all elements are there, to look one up says nothing; whoever only adds has read nothing.
        const { grain, isWritten } = table.shared[op.map] as SharedMap;
        if (grain === 'map' && isWritten && op.side === 'program') use(element, 'write');
        else if (op.side === 'control' || !isAddedTo(op.map)) use(element, 'read');
        break;
      }
      case 'update':
      case 'delete': {
        const element = table.of(op.map, op.key);
        use(element, 'write');
        if (element !== undefined && op.kind === 'update' && op.key.length > 0) table.insert(machine, element);
        break;
      }
      case 'write': {
        const { map, element: slot } = op.at;
        const element = found.get(cellName(map, slot)) ?? table.of(map, indexKey(machine, map, slot));
        use(element, element !== undefined && isAddedTo(map) ? 'add' : 'write');
        break;
      }
      default:
    }
  }
  return uses;
}

function cellName(map: number, slot: number): string {
  return `${map}:${slot}`;
}

/** The key of an array's element. */
function indexKey(machine: Machine, map: number, slot: number): Uint8Array {
  const key = new Uint8Array(machine.maps[map]?.spec.keySize ?? 4);
  new DataView(key.buffer).setUint32(0, slot, true);
  return key;
}

/** One side's copies, in its machine's maps. */
export class MachineStore implements ElementStore {
  private readonly machine: Machine;
  private readonly table: ElementTable;

  constructor(machine: Machine, table: ElementTable) {
    this.machine = machine;
    this.table = table;
  }

  read(element: ElementId): Value {
    const { map, key } = this.place(element);
    if (key.length === 0) return dumpMap(map);
    const value = map.lookupElem(key);
    return typeof value === 'number' ? undefined : value;
  }

  write(element: ElementId, value: Value): void {
    const { map, key } = this.place(element);
    if (key.length === 0) restore(map, value ?? noKey);
    else if (value === undefined) map.deleteElem(key);
    else this.must(map, map.updateElem(key, value));
  }

  add(element: ElementId, share: Value): void {
    const value = this.read(element);
    if (value !== undefined && share !== undefined) this.write(element, this.lanes(element, value, share, 1n));
  }

  difference(element: ElementId, after: Value): Value {
    const before = this.read(element);
    return before === undefined || after === undefined ? after : this.lanes(element, after, before, -1n);
  }

  /** Lane by lane: a number of one plus that of the other, or minus. */
  private lanes(element: ElementId, one: Uint8Array, other: Uint8Array, sign: bigint): Uint8Array {
    const { lane } = this.table.shared[(this.table.places[element] as ElementPlace).map] as SharedMap;
    const [sum, from] = [one.slice(), new DataView(other.buffer, other.byteOffset)];
    const to = new DataView(sum.buffer);
    for (let at = 0; at + lane <= sum.length; at += lane)
      if (lane === 8) to.setBigUint64(at, to.getBigUint64(at, true) + sign * from.getBigUint64(at, true), true);
      else to.setUint32(at, to.getUint32(at, true) + Number(sign) * from.getUint32(at, true), true);
    return sum;
  }

  takeShare(element: ElementId): Value {
    const share = this.read(element);
    if (share !== undefined) this.write(element, new Uint8Array(share.length));
    return share;
  }

  private place(element: ElementId): { readonly map: BpfMap; readonly key: Uint8Array } {
    const { map, key } = this.table.places[element] as ElementPlace;
    return { map: this.machine.maps[map] as BpfMap, key };
  }

  private must(map: BpfMap, result: number): void {
    if (result === 0) return;
    throw new UnsupportedError(
      `a copy of map \`${map.spec.name}\` can't take an element of the other side (error ${-result})`,
      {},
      'a map with room for all keys of both sides',
    );
  }
}

/** What a map has under a key. */
export function elementOf(map: BpfMap | undefined, key: Uint8Array): Value {
  const value = map?.lookupElem(key);
  return typeof value === 'number' ? undefined : value;
}

/** A map as bytes: keys and values one after the other. */
export function dumpMap(map: BpfMap): Uint8Array {
  const parts = [...map.entries()].flatMap(({ key, value }) => [key, value]);
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The other way. */
export function restore(map: BpfMap, bytes: Uint8Array): void {
  const { keySize } = map.spec;
  const old = [...map.entries()];
  const valueSize = old[0]?.value.length ?? map.spec.valueSize;
  const kept = new Set<string>();
  for (let at = 0; at < bytes.length; at += keySize + valueSize) {
    const key = bytes.slice(at, at + keySize);
    kept.add(key.join());
    map.updateElem(key, bytes.slice(at + keySize, at + keySize + valueSize));
  }
  for (const { key } of old) if (!kept.has(key.join())) map.deleteElem(key);
}

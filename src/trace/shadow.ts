/**
 * What the recorder knows about memory: for single bytes, which byte of which value they hold. From it come
 * store-to-load forwarding, the contents that helpers read from the stack, and the answer to "is this load still what
 * the packet arrived with?".
 *
 * Memory is divided into *objects*: one for each symbolic base (the packet, the packet plus a variable offset, the
 * value that a look-up found). Two objects may overlap; a store through one makes the other forget.
 */
import { boundsOf, type Graph, isConst, type Space, type Value } from '../ir/index.js';

/** Byte `byte` of `value`; the value's low byte is 0. */
export interface ByteOf {
  readonly value: Value;
  readonly byte: number;
}

/**
 * An address taken apart. In the packet it is an offset from where that began; on the stack a number of
 * ir/stack-address.ts; elsewhere a pointer and a distance from it.
 */
export interface Target {
  readonly space: Space;
  /** Index of the map, or -1. */
  readonly map: number;
  /** What the offset counts from; undefined on the stack, and in the packet if the offset is all. */
  readonly base: Value | undefined;
  readonly offset: number;
  /** Of a map whose bytes are reached from a fixed place: which that is, and what is added to it. */
  readonly anchor: Anchor | undefined;
}

/** What the base of a target is the sum of. */
export interface Anchor {
  /** The address of a cell: the same one for the same cell. */
  readonly place: Value;
  /** Bytes of the cell. */
  readonly size: number;
  /** Undefined: nothing. */
  readonly rest: Value | undefined;
}

/** A store of the trace, for the question what later loads may see. */
interface Store {
  readonly at: Target;
  readonly size: number;
}

/** Known bytes at distances from one base. */
interface MemoryObject {
  readonly at: Target;
  readonly bytes: Map<number, ByteOf>;
}

/** Known bytes of one recording's packet and map memory. */
export class Shadow {
  private objects = new Map<string, MemoryObject>();
  private stores: Store[] = [];
  /** Number of times that something was stored; tells loads apart. */
  version = 0;

  /** What is known of `size` bytes, or undefined for each that is in memory only. */
  bytes(at: Target, size: number): (ByteOf | undefined)[] {
    const object = this.objects.get(keyOf(at));
    return Array.from({ length: size }, (_, i) => object?.bytes.get(at.offset + i));
  }

  /** Notes a store, and forgets what it may have hit under another base. */
  store(at: Target, size: number, value: Value): void {
    this.version++;
    this.forgetAliases(at, size);
    const object = this.objectOf(at);
    for (let i = 0; i < size; i++) object.bytes.set(at.offset + i, { value, byte: i });
    this.stores.push({ at, size });
  }

  /** The bytes hold something that the trace does not know any more. */
  clobber(at: Target, size: number): void {
    this.version++;
    this.forgetAliases(at, size);
    const object = this.objects.get(keyOf(at));
    if (object !== undefined) for (let i = 0; i < size; i++) object.bytes.delete(at.offset + i);
    this.stores.push({ at, size });
  }

  /** Everything in a space (of one map, or of all if `map` is -1) may have changed. */
  clobberAll(space: Space, map: number): void {
    this.version++;
    for (const [key, object] of this.objects) {
      if (object.at.space === space && (map < 0 || object.at.map < 0 || object.at.map === map))
        this.objects.delete(key);
    }
    this.stores.push({
      at: { space, map, base: undefined, offset: Number.NEGATIVE_INFINITY, anchor: undefined },
      size: Number.POSITIVE_INFINITY,
    });
  }

  /** True if nothing that the trace did can have changed these bytes. */
  isInitial(at: Target, size: number): boolean {
    return !this.stores.some((store) => mayOverlap(store.at, store.size, at, size));
  }

  private objectOf(at: Target): MemoryObject {
    const key = keyOf(at);
    let object = this.objects.get(key);
    if (object === undefined) {
      object = { at, bytes: new Map() };
      this.objects.set(key, object);
    }
    return object;
  }

  /** Bytes of other objects that the store might be. */
  private forgetAliases(at: Target, size: number): void {
    const own = keyOf(at);
    for (const [key, object] of this.objects) {
      if (key === own || object.at.space !== at.space) continue;
      for (const offset of [...object.bytes.keys()]) {
        if (mayOverlap(at, size, { ...object.at, offset }, 1)) object.bytes.delete(offset);
      }
    }
  }
}

function keyOf(at: Target): string {
  return `${at.space}.${at.base === undefined ? 'c' : at.base.id}`;
}

/** Could two accesses touch the same byte? Different maps never do; of different bases only bounds are known. */
export function mayOverlap(a: Target, aSize: number, b: Target, bSize: number): boolean {
  if (a.space !== b.space) return false;
  if (a.space === 'map' && a.map >= 0 && b.map >= 0 && a.map !== b.map) return false;
  if (!Number.isFinite(aSize) || !Number.isFinite(bSize)) return true;
  if (a.base === b.base) return a.offset < b.offset + bSize && b.offset < a.offset + aSize;
  const [aLow, aHigh] = spanOf(a, aSize);
  const [bLow, bHigh] = spanOf(b, bSize);
  if (a.space === 'map') {
    // Only what is reached from one place has a distance; what stays within two cells does not meet.
    if (a.anchor === undefined || b.anchor === undefined) return true;
    if (a.anchor.place !== b.anchor.place)
      return aLow < 0 || aHigh > a.anchor.size || bLow < 0 || bHigh > b.anchor.size;
  }
  return aLow < bHigh && bLow < aHigh;
}

/**
 * The offsets that an access can reach, from where the packet began or from its anchor: [low, high). What is known of
 * an index keeps rows of a table apart.
 */
export function spanOf(at: Target, size: number): readonly [number, number] {
  const variable = at.anchor === undefined ? at.base : at.anchor.rest;
  if (variable === undefined) return [at.offset, at.offset + size];
  const bounds = boundsOf(variable);
  if (bounds === undefined) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  // A multiple of eight below 4096 is 4088 at most, which its bits say and its bounds do not.
  const most = Math.min(Number(bounds.hi), Number(variable.ones));
  return [Number(bounds.lo) + at.offset, most + at.offset + size];
}

/** A value as it stands in memory: `value` occupies the next `size` bytes. */
export interface Run {
  readonly value: Value;
  readonly size: number;
}

/** The value of bytes [byte, byte + size) of `value`. */
export function slice(graph: Graph, value: Value, byte: number, size: number): Value {
  const shifted = byte === 0 ? value : graph.make('shr', value, graph.constant(BigInt(8 * byte)));
  return size >= 8 ? shifted : graph.and(shifted, graph.constant((1n << BigInt(8 * size)) - 1n));
}

/**
 * Groups known bytes into as few runs as possible; constants that stand side by side become one. All bytes must be
 * known.
 */
export function toRuns(graph: Graph, bytes: readonly ByteOf[]): Run[] {
  const runs: Run[] = [];
  let i = 0;
  while (i < bytes.length) {
    const first = bytes[i] as ByteOf;
    let size = 1;
    if (isConst(first.value)) {
      let constant = constantByte(first);
      while (size < 8 && i + size < bytes.length) {
        const next = bytes[i + size] as ByteOf;
        if (!isConst(next.value)) break;
        constant |= constantByte(next) << BigInt(8 * size);
        size++;
      }
      runs.push({ value: graph.constant(constant), size });
    } else {
      while (size < 8 && i + size < bytes.length) {
        const next = bytes[i + size] as ByteOf;
        if (next.value !== first.value || next.byte !== first.byte + size) break;
        size++;
      }
      runs.push({ value: slice(graph, first.value, first.byte, size), size });
    }
    i += size;
  }
  return runs;
}

/** One value of up to 8 known bytes. */
export function joinRuns(graph: Graph, runs: readonly Run[]): Value {
  let result: Value | undefined;
  let at = 0;
  for (const run of runs) {
    const part = at === 0 ? run.value : graph.make('shl', run.value, graph.constant(BigInt(8 * at)));
    result = result === undefined ? part : graph.make('or', result, part);
    at += run.size;
  }
  return result ?? graph.constant(0n);
}

function constantByte(byte: ByteOf): bigint {
  return (byte.value.imm >> BigInt(8 * byte.byte)) & 0xffn;
}

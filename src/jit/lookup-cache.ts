/**
 * A direct-mapped cache in front of look-ups, for a card: packets of one flow look the same keys up again and again,
 * and comparing a key is cheaper than hashing it, and much cheaper than a walk down a trie.
 *
 * Many keys are constants for the most part (the first twelve bytes of an IPv4 address that a key holds as an IPv6
 * one, a prefix length, padding). So look-ups with the same constants in the same words share a function, which hashes
 * and compares the other words alone; entries say by its number whose they are.
 *
 * An entry is valid while the map's elements are where they were. So it carries the number of the *period* in which it
 * was made; whoever may move elements starts a new period. What a cached look-up leaves behind (an LRU map's mark) it
 * leaves as well. Values are not cached, only where they are.
 *
 * Where keys do not come back, asking the cache costs more than it gives: after {@link patience} misses in a row the
 * next {@link pause} look-ups do not ask.
 *
 *     area    0 u32 look-ups that are not to ask, 4 u32 misses in a row, 8 u32 look-ups that were not answered,
 *             16 entry, ...
 *     entry   0 u32 period, 4 u32 address of the value or 0, 8 u32 address of the LRU mark or 0,
 *             12 u32 number of the function, 16 u32 key word that varies, ...
 */
import type { MapLayout } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import type { Services } from './services.js';

export interface LookupCache {
  /** Guest address of the word that counts periods; it is never 0. */
  readonly period: number;
  /** Guest addresses of {@link cacheBytes} bytes for each map whose look-ups are cached; at first they are 0. */
  readonly areas: ReadonlyMap<number, number>;
}

/** A key's words: what they are always, or undefined. */
export type KeyPattern = readonly (number | undefined)[];

const entryBits = 8;
const numberAt = 12;
const keyAt = 16;
const pauseAt = 0;
const missesAt = 4;
/** Offset in a map's area of the count of look-ups that the cache did not answer; whoever reads it resets it. */
export const slowLookupsAt = 8;
const entriesAt = 16;
const patience = 8;
const pause = 256;

/** Bytes of a map's cache. */
export function cacheBytes(keySize: number): number {
  return entriesAt + (1 << (entryBits + sizeBits(keySize)));
}

/** An entry's size is a power of 2. */
function sizeBits(keySize: number): number {
  return 32 - Math.clz32(keyAt + 4 * Math.ceil(keySize / 4) - 1);
}

/** Is there something to win, and does an address say all? */
export function isWorthCaching(layout: MapLayout | undefined): boolean {
  return layout?.kind === 'trie' || (layout?.kind === 'hash' && layout.cpus === 1 && !layout.holdsMaps);
}

/**
 * The look-up function `plain` (key words in, address out) with a cache in front: the words that vary in, address out.
 * `number` tells apart the patterns of a map within a period.
 */
export function defineCachedLookup(
  services: Services,
  map: number,
  plain: number,
  { pattern, number, period, area }: CachedLookup,
): number {
  const { module, machine } = services;
  const bits = sizeBits(machine.maps[map]?.spec.keySize ?? 0);
  const varying = pattern.filter((word) => word === undefined).length;
  const index = module.declareFunction(`cached_lookup_${map}`, new Array<'i32'>(varying).fill('i32'), ['i32']);
  const out = module.bodyOf(index);
  /** Where the entry is, from the first one on. */
  const entry = out.addLocal('i32');
  const found = out.addLocal('i32');
  const first = area + entriesAt;
  const state = (): CodeBuilder => out.i32(area);
  const callPlain = (): void => {
    state().i32(area).memory('i32.load', slowLookupsAt).i32(1).op('i32.add').memory('i32.store', slowLookupsAt);
    let next = 0;
    for (const word of pattern) {
      if (word === undefined) out.getLocal(next++);
      else out.i32(word);
    }
    out.call(plain);
  };
  state().memory('i32.load', pauseAt).teeLocal(entry).if();
  state().getLocal(entry).i32(1).op('i32.sub').memory('i32.store', pauseAt);
  callPlain();
  out.op('return').end();
  // Rotations do not wait for each other.
  out.i32(0);
  for (let i = 0; i < varying; i++) {
    const turned = (7 * i) & 31;
    out.getLocal(i);
    if (turned > 0) out.i32(turned).op('i32.rotl');
    out.op('i32.xor');
  }
  out.i32(0x9e3779b1).op('i32.mul');
  out.i32(32 - entryBits - bits).op('i32.shr_u');
  out
    .i32(((1 << entryBits) - 1) << bits)
    .op('i32.and')
    .teeLocal(entry);
  out.memory('i32.load', first).i32(period).memory('i32.load').op('i32.xor');
  out
    .getLocal(entry)
    .memory('i32.load', first + numberAt)
    .i32(number)
    .op('i32.xor')
    .op('i32.or');
  for (let i = 0; i < varying; i++) {
    out.getLocal(entry).memory('i32.load', first + keyAt + 4 * i);
    out.getLocal(i).op('i32.xor').op('i32.or');
  }
  out.op('i32.eqz').if();
  emitMark(out, services, map, entry, first);
  state().i32(0).memory('i32.store', missesAt);
  out
    .getLocal(entry)
    .memory('i32.load', first + 4)
    .op('return')
    .end();
  state().memory('i32.load', missesAt).i32(1).op('i32.add').teeLocal(found).i32(patience).op('i32.eq').if();
  state().i32(pause).memory('i32.store', pauseAt).i32(0).setLocal(found).end();
  state().getLocal(found).memory('i32.store', missesAt);
  callPlain();
  out.setLocal(found);
  out.getLocal(entry).i32(period).memory('i32.load').memory('i32.store', first);
  out
    .getLocal(entry)
    .getLocal(found)
    .memory('i32.store', first + 4);
  out
    .getLocal(entry)
    .i32(number)
    .memory('i32.store', first + numberAt);
  emitMarkAddress(out, services, map, { entry, first, found });
  for (let i = 0; i < varying; i++) {
    out.getLocal(entry).getLocal(i);
    out.memory('i32.store', first + keyAt + 4 * i);
  }
  out.getLocal(found);
  module.define(index, out);
  return index;
}

/** A look-up that has a cache: the part of its key that varies, and where the cache lies. */
interface CachedLookup {
  readonly pattern: KeyPattern;
  readonly number: number;
  /** Guest addresses, see {@link LookupCache}. */
  readonly period: number;
  readonly area: number;
}

/** Where an LRU map keeps its marks of use; undefined for other maps. */
function referenceOf({ machine }: Services, map: number): (MapLayout & { kind: 'hash' })['reference'] {
  const layout = machine.maps[map]?.layout();
  return layout?.kind === 'hash' ? layout.reference : undefined;
}

/**
 * Sets the mark of an element that was found by the cache, as the look-up itself would have done; only where it is
 * not set, so that a line that CPUs share stays shared.
 */
function emitMark(out: CodeBuilder, services: Services, map: number, entry: number, first: number): void {
  if (referenceOf(services, map) === undefined) return;
  const at = out.addLocal('i32');
  out
    .getLocal(entry)
    .memory('i32.load', first + 8)
    .teeLocal(at)
    .if();
  out.getLocal(at).memory('i32.load8_u').op('i32.eqz').if();
  out.getLocal(at).i32(1).memory('i32.store8').end().end();
}

/** Notes in the entry where the mark of the element that was found is; 0 where none was found. */
function emitMarkAddress(
  out: CodeBuilder,
  services: Services,
  map: number,
  { entry, first, found }: { readonly entry: number; readonly first: number; readonly found: number },
): void {
  const layout = services.machine.maps[map]?.layout();
  const reference = referenceOf(services, map);
  if (reference === undefined || layout?.kind !== 'hash') return;
  out.getLocal(entry);
  out.getLocal(found).i32(layout.base).op('i32.sub').i32(layout.stride).op('i32.div_u');
  out.i32(reference.stride).op('i32.mul').i32(reference.at).op('i32.add').i32(0).getLocal(found).op('select');
  out.memory('i32.store', first + 8);
}

/**
 * A direct-mapped cache in front of look-ups, for a card: packets of one flow look the same keys up again and again, and comparing a key is cheaper than hashing it,
 * and much cheaper than a walk down a trie.
 *
 * An entry is valid while the map's elements are where they were. So it carries the number of the *period* in which it was made; whoever may move elements starts a
 * new period. What a cached look-up leaves behind (an LRU map's mark) it leaves as well. Values are not cached, only where they are.
 *
 * Where keys do not come back, asking the cache costs more than it gives: after {@link patience} misses in a row the next {@link pause} look-ups do not ask.
 *
 *     area    0 u32 look-ups that are not to ask, 4 u32 misses in a row, 8 entry, ...
 *     entry   0 u32 period, 4 u32 address of the value or 0, 8 u32 address of the LRU mark or 0, 12 u32 key word, ...
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

const entryBits = 8;
const keyAt = 12;
const pauseAt = 0;
const missesAt = 4;
const entriesAt = 8;
const patience = 8;
const pause = 256;

/** Bytes of a map's cache. */
export function cacheBytes(keySize: number): number {
  return entriesAt + (entrySize(keySize) << entryBits);
}

function entrySize(keySize: number): number {
  return keyAt + 4 * Math.ceil(keySize / 4);
}

/** Is there something to win, and does an address say all? */
export function isWorthCaching(layout: MapLayout | undefined): boolean {
  return layout?.kind === 'trie' || (layout?.kind === 'hash' && layout.cpus === 1 && !layout.holdsMaps);
}

/** The look-up function `plain` (key words in, address out) with a cache in front. */
export function defineCachedLookup(
  services: Services,
  map: number,
  plain: number,
  { period, area }: { readonly period: number; readonly area: number },
): number {
  const { module, machine } = services;
  const keySize = machine.maps[map]?.spec.keySize ?? 0;
  const words = Math.ceil(keySize / 4);
  const size = entrySize(keySize);
  const index = module.declareFunction(`cached_lookup_${map}`, new Array<'i32'>(words).fill('i32'), ['i32']);
  const out = module.bodyOf(index);
  const entry = out.addLocal('i32');
  const found = out.addLocal('i32');
  const pushKey = (): void => {
    for (let i = 0; i < words; i++) out.getLocal(i);
  };
  const state = (): CodeBuilder => out.i32(area);
  state().memory('i32.load', pauseAt).teeLocal(entry).if();
  state().getLocal(entry).i32(1).op('i32.sub').memory('i32.store', pauseAt);
  pushKey();
  out.call(plain).op('return').end();
  out.getLocal(0);
  for (let i = 1; i < words; i++) out.i32(7).op('i32.rotl').getLocal(i).op('i32.xor');
  out
    .i32(0x9e3779b1)
    .op('i32.mul')
    .i32(32 - entryBits)
    .op('i32.shr_u');
  out
    .i32(size)
    .op('i32.mul')
    .i32(area + entriesAt)
    .op('i32.add')
    .teeLocal(entry);
  out.memory('i32.load').i32(period).memory('i32.load').op('i32.xor');
  for (let i = 0; i < words; i++) {
    out.getLocal(entry).memory('i32.load', keyAt + 4 * i);
    out.getLocal(i).op('i32.xor').op('i32.or');
  }
  out.op('i32.eqz').if();
  emitMark(out, services, map, entry);
  state().i32(0).memory('i32.store', missesAt);
  out.getLocal(entry).memory('i32.load', 4).op('return').end();
  state().memory('i32.load', missesAt).i32(1).op('i32.add').teeLocal(found).i32(patience).op('i32.eq').if();
  state().i32(pause).memory('i32.store', pauseAt).i32(0).setLocal(found).end();
  state().getLocal(found).memory('i32.store', missesAt);
  pushKey();
  out.call(plain).setLocal(found);
  out.getLocal(entry).i32(period).memory('i32.load').memory('i32.store');
  out.getLocal(entry).getLocal(found).memory('i32.store', 4);
  emitMarkAddress(out, services, map, entry, found);
  for (let i = 0; i < words; i++)
    out
      .getLocal(entry)
      .getLocal(i)
      .memory('i32.store', keyAt + 4 * i);
  out.getLocal(found);
  module.define(index, out);
  return index;
}

function referenceOf({ machine }: Services, map: number): (MapLayout & { kind: 'hash' })['reference'] {
  const layout = machine.maps[map]?.layout();
  return layout?.kind === 'hash' ? layout.reference : undefined;
}

function emitMark(out: CodeBuilder, services: Services, map: number, entry: number): void {
  if (referenceOf(services, map) === undefined) return;
  const at = out.addLocal('i32');
  out.getLocal(entry).memory('i32.load', 8).teeLocal(at).if();
  out.getLocal(at).memory('i32.load8_u').op('i32.eqz').if();
  out.getLocal(at).i32(1).memory('i32.store8').end().end();
}

function emitMarkAddress(out: CodeBuilder, services: Services, map: number, entry: number, found: number): void {
  const layout = services.machine.maps[map]?.layout();
  const reference = referenceOf(services, map);
  if (reference === undefined || layout?.kind !== 'hash') return;
  out.getLocal(entry);
  out.getLocal(found).i32(layout.base).op('i32.sub').i32(layout.stride).op('i32.div_u');
  out.i32(reference.stride).op('i32.mul').i32(reference.at).op('i32.add').i32(0).getLocal(found).op('select');
  out.memory('i32.store', 8);
}

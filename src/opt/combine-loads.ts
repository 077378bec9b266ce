/**
 * Bytes that are loaded one by one and put together become one load: what compilers make of packed structures, and
 * programs of parsing by hand.
 *
 *     load.1 p[0] | load.1 p[1] << 8   =  load.2 p[0]
 *     load.1 p[0] << 8 | load.1 p[1]   =  bswap16(load.2 p[0])
 *
 * All parts must be in one block, and no store among them may touch the others; the wide load stands where the last of
 * them does.
 */
import { type Block, type FunctionCode, type Graph, isConst, liveBlocks, onesOf, type Value } from '../ir/index.js';
import { neededValues } from './dce.js';
import { isAligned, mayAlias, type Place, placeOf } from './memory-effects.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/** A load that supplies some bytes of the result. */
export interface Part {
  readonly load: Value;
  readonly place: Place;
  /** Bytes from the bottom of the result. */
  readonly at: number;
}

/** Parts that are one access together. */
interface Found {
  readonly root: Value;
  /** The lowest part by address, and the size of the whole. */
  readonly low: Part;
  readonly size: number;
  readonly isSwapped: boolean;
}

/** A result has at most 64 bits, and a part at least a byte. */
const maxParts = 8;

/** Where pinned values stand: the list of their block, and which of it they are. */
export type Home = ReadonlyMap<Value, { readonly pinned: readonly Value[]; readonly at: number }>;

/** Of all pinned values in the blocks. */
export function homesOf(blocks: readonly Block[]): Home {
  const home = new Map<Value, { readonly pinned: readonly Value[]; readonly at: number }>();
  for (const { pinned } of blocks) for (const [at, value] of pinned.entries()) home.set(value, { pinned, at });
  return home;
}

/** The pass. The narrow loads stay where they are: dead code elimination takes those that nobody reads any more. */
export function combineLoads(code: FunctionCode, { modes, params }: PassContext): FunctionCode {
  const blocks = liveBlocks(code);
  const home = homesOf(blocks);
  /** By the load after which the wide one is put. */
  // Only at the last of its parts have all of them been loaded; the wide load needs no value that is made later.
  const found = new Map<Value, Found[]>();
  for (const root of neededValues(code).values) {
    if (root.op !== 'or' && root.op !== 'add') continue;
    const parts: Part[] = [];
    if (!collect(root, 0, parts) || parts.length < 2) continue;
    const whole = join(root, parts);
    const last = whole === undefined ? undefined : lastPart(parts, home);
    if (whole === undefined || last === undefined) continue;
    if (params.aligned === 1 && !isAligned(whole.low.place, whole.size)) continue;
    const list = found.get(last);
    if (list === undefined) found.set(last, [whole]);
    else list.push(whole);
  }
  if (found.size === 0) return code;
  const rewriter = new Rewriter(code, modes);
  return rewriter.run({
    placed: (_, old) => {
      for (const whole of found.get(old) ?? []) rewriter.replace(whole.root, wideLoad(rewriter, whole));
    },
  });
}

/** Emits the load of all parts, at the lowest address, and swaps its bytes where the order asks for it. */
function wideLoad(rewriter: Rewriter, { low, size, isSwapped }: Found): Value {
  const { graph } = rewriter;
  const { load } = low;
  const base = rewriter.value(load.args[0] as Value);
  const detail = load.detail?.kind === 'memory' ? { ...load.detail, size } : undefined;
  const wide = rewriter.emit(graph.effect('load', [base], load.imm, detail, onesOf(size)));
  return isSwapped ? swap(graph, wide, size) : wide;
}

/** Reverses the bytes of a value of 2, 4 or 8 bytes. */
export function swap(graph: Graph, value: Value, size: number): Value {
  return graph.make(size === 2 ? 'bswap16' : size === 4 ? 'bswap32' : 'bswap64', value);
}

/** The parts as one access, if they are neighbours. */
function join(root: Value, parts: Part[]): Found | undefined {
  parts.sort((a, b) => a.at - b.at);
  const size = parts.reduce((sum, { place }) => sum + place.size, 0);
  if (size !== 2 && size !== 4 && size !== 8) return undefined;
  const [first] = parts;
  const last = parts.at(-1);
  if (first === undefined || last === undefined) return undefined;
  let at = 0;
  for (const part of parts) {
    if (part.at !== at || part.place.base !== first.place.base || part.place.space !== first.place.space)
      return undefined;
    at += part.place.size;
  }
  const lowest = first.place.offset;
  if (parts.every(({ place, at: byte }) => place.offset === lowest + BigInt(byte)))
    return { root, low: first, size, isSwapped: false };
  // Most significant byte first; only of single bytes, wider parts would be swapped too.
  const isSwapped = parts.every(
    ({ place, at: byte }) => place.size === 1 && place.offset === last.place.offset + BigInt(size - 1 - byte),
  );
  return isSwapped ? { root, low: last, size, isSwapped } : undefined;
}

/** The last of the parts in their block; undefined if they are in several, or if memory changes in between. */
export function lastPart(parts: readonly Part[], home: Home): Value | undefined {
  const places = parts.map(({ load }) => home.get(load));
  const pinned = places[0]?.pinned;
  if (pinned === undefined || places.some((place) => place?.pinned !== pinned)) return undefined;
  const at = places.map((place) => place?.at ?? 0);
  const [first, last] = [Math.min(...at), Math.max(...at)];
  for (let i = first + 1; i < last; i++) {
    const value = pinned[i] as Value;
    if (value.op === 'load' || value.op === 'lookup') continue;
    const place = placeOf(value);
    if (place === undefined || parts.some((part) => mayAlias(part.place, place))) return undefined;
  }
  return pinned[last];
}

/** Takes `value` apart into loads; false if it is anything else. */
function collect(value: Value, at: number, parts: Part[]): boolean {
  if (parts.length >= maxParts) return false;
  const [a, b] = value.args;
  if (value.op === 'load') {
    const place = placeOf(value);
    if (place === undefined) return false;
    parts.push({ load: value, place, at });
    return true;
  }
  if (a === undefined || b === undefined) return false;
  if (value.op === 'shl' && isConst(b) && b.imm % 8n === 0n) return collect(a, at + Number(b.imm / 8n), parts);
  if (value.op === 'or' || value.op === 'add') {
    // A sum is a union only where no bit can be in both.
    if ((a.ones & b.ones) !== 0n) return false;
    return collect(a, at, parts) && collect(b, at, parts);
  }
  return false;
}

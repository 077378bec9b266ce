/**
 * Stores that no one can see go: those whose bytes are all stored again before anyone may read them, and those to the
 * stack that no one reads before the program returns. Backwards over the control flow; loops are not looked through.
 */
import {
  type ArgumentUse,
  callEffects,
  type EffectsOf,
  type End,
  type FunctionCode,
  makeBlock,
  orderOfCode,
  successors,
  type Value,
  type World,
  withBlocks,
} from '../ir/index.js';
import { mayAlias, type Place, placeOf } from './memory-effects.js';
import type { PassContext } from './pass.js';

/** What will become of memory from a point on. */
interface Future {
  /** Places that are overwritten before they are read. */
  readonly overwritten: readonly Place[];
  /** Stack that may still be read; undefined: any. All else of the stack is dead. */
  readonly stackReads: readonly Place[] | undefined;
}

/** What the walk asks of the world: key sizes of maps, what calls touch. */
interface Facts {
  readonly world: World;
  readonly effectsOf: EffectsOf;
}

/**
 * `anything`: all memory may be read from here on. `nothing`: at the end, when the stack is gone; packet and maps are
 * not overwritten, so they stay.
 */
const anything: Future = { overwritten: [], stackReads: undefined };
const nothing: Future = { overwritten: [], stackReads: [] };
/**
 * Places that a future remembers. Forgetting an overwritten one keeps a store, forgetting a read would lose one: so
 * too many reads are "any".
 */
const maxPlaces = 32;

/** The pass. One walk in postorder: a block's successors have futures before it has, but for those of back edges. */
export function deadStores(code: FunctionCode, { world }: PassContext): FunctionCode {
  const order = orderOfCode(code);
  const facts: Facts = { world, effectsOf: callEffects(world, code) };
  const futures: (Future | undefined)[] = [];
  const blocks = code.blocks.slice();
  let changed = false;
  for (const id of [...order.rpo].reverse()) {
    const block = blocks[id];
    if (block === undefined) continue;
    let future = futureOf(block.end, futures);
    const kept: Value[] = [];
    for (const value of [...block.pinned].reverse()) {
      if (isDead(value, future)) continue;
      kept.push(value);
      future = before(value, future, facts);
    }
    futures[id] = future;
    if (kept.length === block.pinned.length) continue;
    blocks[id] = makeBlock(id, block.preds, block.phis, kept.reverse(), block.end);
    changed = true;
  }
  return changed ? withBlocks(code, blocks) : code;
}

/** At the end of a block. Blocks of back edges have no future yet. */
function futureOf(end: End, futures: readonly (Future | undefined)[]): Future {
  if (end.kind === 'return') return nothing;
  const next = successors(end).map((id) => futures[id] ?? anything);
  const [first, ...others] = next;
  if (first === undefined) return anything;
  // A tail call leaves the packet to another program, which clears the frames that it enters.
  if (end.kind === 'tail call') return { overwritten: [], stackReads: first.stackReads };
  return others.reduce(common, first);
}

/** What is so on both ways: overwritten on both, read on either. */
function common(a: Future, b: Future): Future {
  const set = new Set(b.overwritten);
  const overwritten = a.overwritten.filter(
    (place) => set.has(place) || b.overwritten.some((other) => covers(other, place)),
  );
  const isKnown = a.stackReads !== undefined && b.stackReads !== undefined;
  return { overwritten, stackReads: isKnown ? limited([...(a.stackReads ?? []), ...(b.stackReads ?? [])]) : undefined };
}

/** Undefined, which is "any", for more than can be remembered. */
function limited(places: readonly Place[]): readonly Place[] | undefined {
  const unique = [...new Set(places)];
  return unique.length <= maxPlaces ? unique : undefined;
}

/** Does `a` contain all of `b`? Only where both are relative to one base is that known. */
function covers(a: Place, b: Place): boolean {
  return a.base === b.base && a.offset <= b.offset && b.offset + BigInt(b.size) <= a.offset + BigInt(a.size);
}

/** Nobody will see what this stores. */
function isDead(value: Value, { overwritten, stackReads }: Future): boolean {
  if (value.op !== 'store' && value.op !== 'fill') return false;
  const place = placeOf(value);
  if (place === undefined) return false;
  if (overwritten.some((later) => covers(later, place))) return true;
  // Only what surely is the stack: an address that starts at a frame.
  return place.base?.op === 'frame' && stackReads !== undefined && !stackReads.some((read) => mayAlias(read, place));
}

/** The future in front of a pinned value. What is not understood (atomics, for one) may do anything. */
function before(value: Value, future: Future, facts: Facts): Future {
  if (value.op === 'call') return beforeCall(value, future, facts);
  if (value.op === 'lookup') return beforeLookup(value, future, facts);
  const place = placeOf(value);
  if (place === undefined) return anything;
  if (value.op === 'store' || value.op === 'fill') {
    const overwritten = [place, ...future.overwritten].slice(0, maxPlaces);
    return { ...future, overwritten };
  }
  return withRead(future, place);
}

/** A place is read: what might be it is no longer overwritten unseen. */
function withRead({ overwritten, stackReads }: Future, place: Place): Future {
  const mayBeStack = place.space === 'stack' || place.space === 'other';
  return {
    overwritten: overwritten.filter((later) => !mayAlias(later, place)),
    stackReads: stackReads === undefined || !mayBeStack ? stackReads : limited([...stackReads, place]),
  };
}

/** A helper may look at the packet and at maps; at the stack by its arguments. */
function beforeCall(call: Value, future: Future, { effectsOf }: Facts): Future {
  let result: Future = { ...future, overwritten: future.overwritten.filter(({ base }) => base?.op === 'frame') };
  for (const [i, use] of effectsOf(call).args.entries()) {
    const place = readBy(use, call.args[i] as Value);
    if (place === 'any') return anything;
    if (place !== undefined) result = withRead(result, place);
  }
  return result;
}

/** A look-up reads its key, which lies on the stack. */
function beforeLookup(lookup: Value, future: Future, { world }: Facts): Future {
  const { detail } = lookup;
  if (detail?.kind !== 'lookup') return anything;
  // A look-up of values touches none: where its key is put together is no memory of the program's.
  if (detail.pieces.length > 0) return future;
  const size = world.maps[detail.map]?.spec.keySize;
  const place = readBy({ kind: 'read', size }, lookup.args[0] as Value);
  return place === 'any' ? anything : place === undefined ? future : withRead(future, place);
}

/** What a call reads by an argument: a place, nothing, or `any` where the size is not known or the pointer is kept. */
function readBy(use: ArgumentUse, arg: Value): Place | 'any' | undefined {
  if (use.kind === 'value') return undefined;
  if (use.kind === 'escapes' || use.size === undefined) return 'any';
  const [base, offset] = arg.args;
  const isSum = arg.op === 'add' && offset?.op === 'const';
  const at = isSum ? BigInt.asIntN(64, offset.imm) : 0n;
  return { space: 'other', map: -1, base: isSum ? base : arg, offset: at, size: use.size };
}

/**
 * Bytes that are loaded one by one and put together become one load: what compilers make of packed structures, and programs of parsing by hand.
 *
 *     load.1 p[0] | load.1 p[1] << 8   =  load.2 p[0]
 *     load.1 p[0] << 8 | load.1 p[1]   =  bswap16(load.2 p[0])
 *
 * It holds where memory still is what the parts were loaded from, and then the whole can be loaded now.
 */
import type { Known } from './memory-state.js';
import { translateLoad } from './translate-memory.js';
import type { Translation } from './translation.js';
import { isConst, type Value } from './value.js';

interface Part {
  readonly known: Known;
  /** Bytes from the bottom of the result. */
  readonly at: number;
}

const maxParts = 8;

/** `value` is a sum or union of disjoint bits; the result is equal. */
export function combineLoads(t: Translation, value: Value): Value {
  if (!t.trusted || (value.op !== 'or' && value.op !== 'add')) return value;
  const parts: Part[] = [];
  if (!collect(t, value, 0, parts) || parts.length < 2) return value;
  parts.sort((a, b) => a.at - b.at);
  const total = parts.reduce((sum, { known }) => sum + known.size, 0);
  if (total !== 2 && total !== 4 && total !== 8) return value;
  const base = parts[0]?.known.place.base;
  let at = 0;
  for (const part of parts) {
    if (part.at !== at || part.known.place.base !== base) return value;
    at += part.known.size;
  }
  const offsets = parts.map(({ known }) => known.place.offset);
  const lowest = offsets[0] as bigint;
  if (parts.every(({ at: byte }, i) => offsets[i] === lowest + BigInt(byte))) return loadAt(t, base, lowest, total);
  // Most significant byte first; only of single bytes, wider parts would be swapped too.
  const last = offsets.at(-1) as bigint;
  const isSwapped = parts.every(
    ({ known, at: byte }, i) => known.size === 1 && offsets[i] === last + BigInt(total - 1 - byte),
  );
  if (!isSwapped) return value;
  return t.graph.make(total === 2 ? 'bswap16' : total === 4 ? 'bswap32' : 'bswap64', loadAt(t, base, last, total));
}

function loadAt(t: Translation, base: Value | undefined, offset: bigint, size: number): Value {
  const constant = t.graph.constant(offset);
  return translateLoad(t, base === undefined ? constant : t.graph.add(base, constant), size);
}

/** Takes `value` apart into loads that are still good; false if it is anything else. */
function collect(t: Translation, value: Value, at: number, parts: Part[]): boolean {
  if (parts.length >= maxParts) return false;
  const [a, b] = value.args;
  if (value.op === 'load') {
    const known = t.state.known.find((entry) => entry.value === value);
    if (known === undefined || known.place.space === 'other') return false;
    parts.push({ known, at });
    return true;
  }
  if (a === undefined || b === undefined) return false;
  if (value.op === 'shl' && isConst(b) && b.imm % 8n === 0n) return collect(t, a, at + Number(b.imm / 8n), parts);
  if (value.op === 'or' || value.op === 'add') {
    // A sum is a union only where no bit can be in both.
    if ((a.ones & b.ones) !== 0n) return false;
    return collect(t, a, at, parts) && collect(t, b, at, parts);
  }
  return false;
}

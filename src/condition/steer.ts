/**
 * Packets that leave a recorded path at one of its guards: the guard's negation is put into normal form, and a packet
 * that took the path is changed so that each of its facts holds, as concolic testing solves for the other branch. What
 * cannot be read off (computed values, contents of maps) is left out; who uses these packets runs them and sees where
 * they go.
 */
import { evaluate, isConst, isPacketAccess, packetOffset, type Value } from '../ir/index.js';
import { type Bit, indexOf, isInverted, plain, sourceOf } from './bits.js';
import type { Compare } from './comparison.js';
import { Facts } from './facts.js';
import { largestOf, type Subject, scaledSubject } from './subject.js';

/** Longest packet that is made. */
const maxLength = 1600;
/** Elements of a map that a look-up is steered to. */
const maxKeys = 3;

/** Something that cannot be worked out from the packet alone. */
class Unknown extends Error {}

/** A change of a packet: bits and, if it says so, a length. */
interface Change {
  readonly bits: ReadonlyMap<number, number>;
  readonly length: number | undefined;
}

/** Keys that are in a map now, by the map's index; of an LPM trie with their prefix lengths. */
export type MapKeys = (map: number) => Iterable<Uint8Array>;

/**
 * Packets that leave the path of `packet` at `guard`, or may: none of them equals `packet`, no two are alike.
 *
 * `guard`: one of the trace's. `packet`: one that took the trace. `keysOf`: what look-ups can be steered to.
 */
export function steered(guard: Value, packet: Uint8Array, keysOf: MapKeys): Uint8Array[] {
  const condition = guard.args[0] as Value;
  if (guard.detail?.kind !== 'guard') return [];
  const facts = new Facts();
  facts.assert(condition, !guard.detail.expect);
  const made = new Map<string, Uint8Array>();
  for (const change of new Steering(facts, packet, keysOf).changes()) {
    const data = apply(packet, change);
    made.set(data.join(), data);
  }
  made.delete(packet.join());
  return [...made.values()];
}

/** The packet with bits changed and, where asked for, another length; new bytes are zero. */
function apply(packet: Uint8Array, { bits, length = packet.length }: Change): Uint8Array {
  const data = new Uint8Array(Math.min(maxLength, Math.max(0, length)));
  data.set(packet.subarray(0, data.length));
  for (const [bit, value] of bits) {
    const at = bit >> 3;
    if (at < 0 || at >= data.length) continue;
    const mask = 1 << (bit & 7);
    data[at] = value === 1 ? (data[at] as number) | mask : (data[at] as number) & ~mask;
  }
  return data;
}

/** Proposals for one negated guard: ends and middles of ranges, single bits, keys that a map holds. */
class Steering {
  private readonly facts: Facts;
  private readonly packet: Uint8Array;
  private readonly keysOf: MapKeys;

  constructor(facts: Facts, packet: Uint8Array, keysOf: MapKeys) {
    this.facts = facts;
    this.packet = packet;
    this.keysOf = keysOf;
  }

  /** Each change makes one fact of the negation true, in the hope that the others are. */
  *changes(): Generator<Change> {
    const { facts } = this;
    if (facts.required.size > 0) yield this.literals([...facts.required].map(([bit, value]) => ({ bit, value })));
    for (const { bits, values } of facts.exclusions) {
      const flipped = bits.map((bit, i) => ({ bit, value: 1 - (values[i] as number) }));
      yield this.literals(flipped);
      yield this.literals(flipped.slice(0, 1));
      yield this.literals(flipped.slice(-1));
    }
    for (const { subject, lo, hi } of facts.ranges.values())
      for (const number of new Set([lo, hi, (lo + hi) / 2n, lo + 1n])) yield this.number(subject, number, 0n);
    for (const { subject, lo, hi } of facts.gaps)
      for (const number of [lo - 1n, hi + 1n]) yield this.number(subject, number, 0n);
    for (const compare of facts.compares.values()) yield* this.comparison(compare);
    for (const [lookup, found] of facts.found) yield* this.lookup(lookup, found);
  }

  /** Bits of the packet with their values; others are left alone. */
  private literals(literals: readonly { readonly bit: Bit; readonly value: number }[]): Change {
    const bits = new Map<number, number>();
    let length = 0n;
    let hasLength = false;
    for (const { bit, value } of literals) {
      const source = this.facts.sources.sources[sourceOf(bit)];
      const own = isInverted(bit) ? 1 - value : value;
      const index = indexOf(plain(bit));
      if (source?.kind === 'value' && source.value.op === 'len') {
        hasLength = true;
        length |= BigInt(own) << BigInt(index);
      }
      if (source?.kind !== 'packet') continue;
      try {
        const base = source.base === undefined ? 0 : Number(this.valueOf(source.base));
        bits.set(8 * base + index, own);
      } catch (error) {
        if (!(error instanceof Unknown)) throw error;
      }
    }
    return { bits, length: hasLength ? Number(length) : undefined };
  }

  /** Sets a subject to a number, as far as it has room for it. */
  private number(subject: Subject, number: bigint, shift: bigint): Change {
    const largest = largestOf(subject);
    const scaled = number < 0n ? 0n : number >> shift;
    const shown = scaled > largest ? largest : scaled;
    return this.literals(subject.bits.map((bit, i) => ({ bit, value: Number((shown >> BigInt(i)) & 1n) })));
  }

  /** One side is made to stand as it should to the other, which is as it is. */
  private *comparison({ op, a, b, holds }: Compare): Generator<Change> {
    for (const [side, other, isLess] of [
      [a, b, true],
      [b, a, false],
    ] as const) {
      const scaled = isConst(side) ? undefined : scaledSubject(this.facts.sources.bitsOf(side));
      if (scaled === undefined) continue;
      let than: bigint;
      try {
        than = this.valueOf(other);
      } catch (error) {
        if (!(error instanceof Unknown)) throw error;
        continue;
      }
      const step = 1n << scaled.shift;
      const below = [than - step, 0n];
      const above = [than + step, than + 4n * step];
      const numbers =
        op === 'eq' ? (holds ? [than] : [than ^ step, than + step]) : isLess === holds ? below : [than, ...above];
      for (const number of numbers) yield this.number(scaled.subject, number, scaled.shift);
    }
  }

  /** Keys that the map has, or a key that it hardly has. */
  private *lookup(lookup: Value, found: boolean): Generator<Change> {
    const { detail } = lookup;
    if (detail?.kind !== 'lookup') return;
    const sizes = detail.pieces.map(({ size }) => size);
    if (found) for (const key of firstOf(this.keysOf(detail.map))) yield this.key(lookup, sizes, key);
    else {
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      yield this.key(lookup, sizes, new Uint8Array(bytes).fill(0xa5));
    }
  }

  /** Sets the parts of a look-up's key to those of an element. */
  private key(lookup: Value, sizes: readonly number[], key: Uint8Array): Change {
    const literals: { bit: Bit; value: number }[] = [];
    let at = 0;
    for (const [i, arg] of lookup.args.entries()) {
      const bits = this.facts.sources.bitsOf(arg);
      for (let b = 0; b < 8 * (sizes[i] ?? 0); b++) {
        const bit = bits[b] as Bit;
        if (bit >= 2) literals.push({ bit, value: ((key[at + (b >> 3)] ?? 0) >> (b & 7)) & 1 });
      }
      at += sizes[i] ?? 0;
    }
    return this.literals(literals);
  }

  /** What a value is for the packet. */
  private valueOf(value: Value): bigint {
    const { packet } = this;
    return evaluate(value, (leaf) => {
      if (leaf.op === 'len') return BigInt(packet.length);
      if (leaf.op !== 'load' || leaf.detail?.kind !== 'memory' || !isPacketAccess(leaf) || !leaf.early)
        throw new Unknown();
      const start = Number(BigInt.asIntN(64, this.valueOf(packetOffset(leaf)) + leaf.imm));
      let number = 0n;
      for (let i = leaf.detail.size - 1; i >= 0; i--) number = (number << 8n) | BigInt(packet[start + i] ?? 0);
      return number;
    });
  }
}

/**
 * The first few. The key of an LPM trie begins with its prefix length; bits of constants are not touched, so it does
 * no harm.
 */
function* firstOf(keys: Iterable<Uint8Array>): Generator<Uint8Array> {
  let count = 0;
  for (const key of keys) {
    if (count++ === maxKeys) return;
    yield key;
  }
}

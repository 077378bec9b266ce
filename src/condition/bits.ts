/**
 * Where each bit of a value comes from. Compilers read a 16-bit field as two bytes and a shift, compare it with a
 * byte-swapped constant, mask it, sign-extend it: seen bit by bit all of these are the same 16 packet bits. So a
 * condition on a value becomes a condition on source bits.
 *
 * A bit is a number:
 *
 *     0, 1      constant
 *     >= 2      2 + ((source * 2^24 + index + bias) * 2 + inverted)
 *
 * `source` numbers the places that bits come from: the packet (bit i of byte b is index 8 b + i), the packet behind a
 * symbolic offset, the value that a look-up found, or any other value that cannot be taken apart.
 */
import { cellOf, isConst, packetOffset, type Value } from '../ir/index.js';
import { locationKey, type MapCell } from '../object/index.js';

/** See above; -1 where an operation's result is none of these, which makes the whole value opaque. */
export type Bit = number;

/** A place that bits come from. Offsets are in bytes. */
export type Source =
  | { readonly kind: 'packet'; readonly base: Value | undefined }
  /** Bytes from `start` on of a cell, of what `base` points to, or of what lies `base` bytes from a cell. */
  | {
      readonly kind: 'map';
      readonly map: number;
      readonly cell: MapCell | undefined;
      readonly base: Value | undefined;
      readonly start: number;
    }
  | { readonly kind: 'value'; readonly value: Value };

const span = 2 ** 24;
const bias = 2 ** 22;

/** Bit `index` of a source, not inverted. Indices may be negative: metadata lies before the packet. */
export function makeBit(source: number, index: number): Bit {
  return 2 + (source * span + index + bias) * 2;
}

/** The bit's contrary; a constant's is the other constant. */
export function invert(bit: Bit): Bit {
  return bit < 2 ? 1 - bit : bit % 2 === 0 ? bit + 1 : bit - 1;
}

/** Is it the contrary of its source's bit? */
export function isInverted(bit: Bit): boolean {
  return bit % 2 === 1;
}

/** The bit without its inversion. */
export function plain(bit: Bit): Bit {
  return bit - (bit % 2);
}

/** Number of the place that a bit which is not constant comes from. */
export function sourceOf(bit: Bit): number {
  return Math.floor((bit - 2) / 2 / span);
}

/** Bit within its source: 8 times the byte, plus the position, least significant first. */
export function indexOf(bit: Bit): number {
  return (Math.floor((bit - 2) / 2) % span) - bias;
}

/** The sources of one recording. They are numbered as they are met, so equal recordings number them alike. */
export class BitSources {
  readonly sources: Source[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly memo = new Map<Value, readonly Bit[]>();

  /** All 64 bits, least significant first. */
  bitsOf(value: Value): readonly Bit[] {
    const known = this.memo.get(value);
    if (known !== undefined) return known;
    const bits = this.derive(value);
    this.memo.set(value, bits);
    return bits;
  }

  /** The bits of a value as bits of itself: what remains when it cannot be taken apart. */
  opaque(value: Value): Bit[] {
    const source = this.number(`v${value.id}`, { kind: 'value', value });
    const bits = constantBits(value.ones);
    for (let i = 0; i < 64; i++) if (bits[i] === 1) bits[i] = makeBit(source, i);
    return bits;
  }

  /** Bits of a value from those of its operands. What mixes bits (sums, products) gets a source of its own. */
  private derive(value: Value): readonly Bit[] {
    const [a, b] = value.args;
    const shift = b !== undefined && isConst(b) ? Number(b.imm & 63n) : undefined;
    switch (value.op) {
      case 'const':
        return constantBits(value.imm);
      case 'load':
        return this.loadBits(value);
      case 'and':
        return this.combine(value, (x, y) =>
          x === 0 || y === 0 ? 0 : x === 1 ? y : y === 1 || x === y ? x : x === invert(y) ? 0 : -1,
        );
      case 'or':
        return this.combine(value, orBits);
      case 'xor':
        return this.combine(value, (x, y) =>
          x < 2
            ? x === 0
              ? y
              : invert(y)
            : y < 2
              ? y === 0
                ? x
                : invert(x)
              : x === y
                ? 0
                : x === invert(y)
                  ? 1
                  : -1,
        );
      case 'add':
      case 'add32':
        return a !== undefined &&
          b !== undefined &&
          (a.ones & b.ones) === 0n &&
          a.ones < 2n ** 32n &&
          b.ones < 2n ** 32n
          ? this.combine(value, orBits)
          : this.opaque(value);
      case 'shl':
        return shift === undefined ? this.opaque(value) : this.pick(a, 64, (i) => i - shift);
      case 'shr':
        return shift === undefined ? this.opaque(value) : this.pick(a, 64, (i) => i + shift);
      case 'sar':
        return shift === undefined ? this.opaque(value) : this.pick(a, 64, (i) => Math.min(i + shift, 63));
      case 'shl32':
        return shift === undefined ? this.opaque(value) : this.pick(a, 32, (i) => i - (shift & 31));
      case 'sar32':
        return shift === undefined ? this.opaque(value) : this.pick(a, 32, (i) => Math.min(i + (shift & 31), 31));
      case 'sext8':
        return this.pick(a, 64, (i) => Math.min(i, 7));
      case 'sext16':
        return this.pick(a, 64, (i) => Math.min(i, 15));
      case 'sext32':
        return this.pick(a, 64, (i) => Math.min(i, 31));
      case 'bswap16':
        return this.pick(a, 16, (i) => 8 - (i & ~7) + (i & 7));
      case 'bswap32':
        return this.pick(a, 32, (i) => 24 - (i & ~7) + (i & 7));
      case 'bswap64':
        return this.pick(a, 64, (i) => 56 - (i & ~7) + (i & 7));
      default:
        return this.opaque(value);
    }
  }

  /** Bit i of the result is bit `from(i)` of `a`, 0 where that is outside or i is not below `width`. */
  private pick(a: Value | undefined, width: number, from: (i: number) => number): Bit[] {
    const bits = a === undefined ? [] : this.bitsOf(a);
    const result = new Array<Bit>(64).fill(0);
    for (let i = 0; i < width; i++) {
      const at = from(i);
      if (at >= 0 && at < bits.length) result[i] = bits[at] as Bit;
    }
    return result;
  }

  /** Bit by bit; where `f` cannot say (-1), the bit is one of the value itself. */
  private combine(value: Value, f: (x: Bit, y: Bit) => Bit): Bit[] {
    const x = this.bitsOf(value.args[0] as Value);
    const y = this.bitsOf(value.args[1] as Value);
    let own: Bit[] | undefined;
    return x.map((bit, i) => {
      const result = f(bit, y[i] as Bit);
      if (result >= 0) return result;
      own ??= this.opaque(value);
      return own[i] as Bit;
    });
  }

  /** Loads are packet or map bits only if they are early: later ones may read what the trace itself wrote. */
  private loadBits(value: Value): Bit[] {
    const detail = value.detail;
    const offset = Number(value.imm);
    if (!value.early || detail?.kind !== 'memory') return this.opaque(value);
    let source: number;
    let start = offset;
    if (detail.space === 'packet') {
      const base = packetOffset(value);
      source = isConst(base)
        ? this.number('packet', { kind: 'packet', base: undefined })
        : this.number(`p${base.id}`, { kind: 'packet', base });
      if (isConst(base)) start += Number(BigInt.asIntN(64, base.imm));
    } else if (detail.space === 'map') {
      // One source for each 4 KiB keeps indices small: values may be large.
      const page = Math.abs(offset) < 2 ** 16 ? 0 : offset - (offset % 4096);
      const { cell, rest } = pointeeOf(value.args[0] as Value);
      const at = cell === undefined ? '' : locationKey({ ...cell, offset: page });
      const key = `l${rest === undefined ? '' : rest.id}.${cell === undefined ? page : at}`;
      source = this.number(key, { kind: 'map', map: detail.map, cell, base: rest, start: page });
      start = offset - page;
    } else {
      return this.opaque(value);
    }
    const bits = new Array<Bit>(64).fill(0);
    const first = makeBit(source, start * 8);
    for (let i = 0; i < detail.size * 8; i++) bits[i] = first + 2 * i;
    return bits;
  }

  /**
   * Forgets the bits of all values, which take many times the room of what is known about them; they are worked out
   * again when asked for.
   */
  forget(): void {
    this.memo.clear();
  }

  /** The number of a source, new or known. */
  private number(key: string, source: Source): number {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.sources.push(source);
    this.numbers.set(key, this.sources.length - 1);
    return this.sources.length - 1;
  }
}

/** The cell that a base is an address in, and what is added to it. */
export function pointeeOf(base: Value): { readonly cell: MapCell | undefined; readonly rest: Value | undefined } {
  const cell = cellOf(base);
  if (cell !== undefined) return { cell, rest: undefined };
  const [a, b] = base.args;
  if (base.op === 'add' && a !== undefined && b !== undefined) {
    const first = cellOf(a);
    if (first !== undefined) return { cell: first, rest: b };
    const second = cellOf(b);
    if (second !== undefined) return { cell: second, rest: a };
  }
  return { cell: undefined, rest: base };
}

const word = new BigUint64Array(1);
const halves = new Uint32Array(word.buffer);

/** The 64 bits of a number, least significant first. */
export function constantBits(number: bigint): Bit[] {
  word[0] = number;
  const low = halves[0] as number;
  const high = halves[1] as number;
  const bits = new Array<Bit>(64).fill(0);
  for (let i = 0; i < 32; i++) {
    bits[i] = (low >>> i) & 1;
    bits[i + 32] = (high >>> i) & 1;
  }
  return bits;
}

/** The number whose halves these are. */
export function numberOf(low: number, high: number): bigint {
  halves[0] = low;
  halves[1] = high;
  return word[0] as bigint;
}

/** x | 0 = x, x | 1 = 1, x | x = x, x | ~x = 1; anything else is no single bit. */
function orBits(x: Bit, y: Bit): Bit {
  return x === 1 || y === 1 ? 1 : x === 0 || x === y ? y : y === 0 ? x : x === invert(y) ? 1 : -1;
}

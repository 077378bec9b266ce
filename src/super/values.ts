/**
 * Names for values: two registers whose names are equal hold equal bits. A name is a sum of atoms and a constant,
 * modulo 2^64, so that addresses that differ by a constant show it. An atom is what some instruction made of other
 * names (equal instructions on equal names make one atom), or something of which nothing is known.
 *
 * `ones` are the bits that may be set, which is what extensions and masks are judged by.
 */

/** A name. Interned: equal ones are one object. */
export interface Value {
  readonly id: number;
  /** Atoms of the sum by id, in order; each as often as it is added. Empty: the constant alone. */
  readonly terms: readonly number[];
  /** The same as text, which tells bases of addresses apart: sums with equal ones differ by a constant. */
  readonly base: string;
  /** Constant of the sum, unsigned 64 bits. */
  readonly offset: bigint;
  /** Bits that may be 1. */
  readonly ones: bigint;
}

/** What an atom is made of. */
export interface Atom {
  /** `op` and operands, of pure operations. */
  readonly op: string;
  readonly args: readonly Value[];
}

/** All bits of a register, and of its lower half. */
export const u64 = 0xffff_ffff_ffff_ffffn;
/** All bits of the lower half. */
export const u32 = 0xffff_ffffn;
const maxTerms = 4;

/** The names of one function. */
export class Values {
  private readonly byKey = new Map<string, Value>();
  /** Names that are one atom alone, and those that are a number: most are. */
  private readonly single = new Map<number, Value>();
  private readonly numbers = new Map<bigint, Value>();
  private readonly atoms = new Map<number, Atom>();
  private readonly atomOnes = new Map<number, bigint>();
  private next = 1;

  constant(value: bigint): Value {
    return this.intern([], BigInt.asUintN(64, value));
  }

  /** Something new, of which only `ones` is known. */
  unknown(op: string, ones: bigint = u64): Value {
    const id = this.next++;
    this.atoms.set(id, { op, args: [] });
    this.atomOnes.set(id, ones);
    return this.intern([id], 0n);
  }

  /** The same for the same key, for what has a name of its own: the frame pointer, a map's address. */
  named(key: string, ones: bigint = u64): Value {
    return this.operation(key, [], ones);
  }

  /** A pure operation on names. */
  operation(op: string, args: readonly Value[], ones: bigint = u64): Value {
    const key = `${op}(${args.map((arg) => arg.id).join(',')})`;
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const id = this.next++;
    this.atoms.set(id, { op, args });
    this.atomOnes.set(id, ones);
    const value = this.intern([id], 0n);
    this.byKey.set(key, value);
    return value;
  }

  /** a + b */
  sum(a: Value, b: Value): Value {
    if (a.terms.length + b.terms.length > maxTerms) {
      // The mark of stack addresses (flow.ts) is not lost on the way.
      const isMarked = [...this.atomNames(a), ...this.atomNames(b)].some((name) => name.startsWith('fp'));
      return this.operation(isMarked ? 'fp~+' : '+', a.id < b.id ? [a, b] : [b, a]);
    }
    return this.intern(
      [...a.terms, ...b.terms].sort((x, y) => x - y),
      BigInt.asUintN(64, a.offset + b.offset),
    );
  }

  /** a - b: a constant if both are the same sum but for it. */
  difference(a: Value, b: Value): Value {
    if (a.base === b.base) return this.constant(a.offset - b.offset);
    if (b.terms.length === 0) return this.sum(a, this.constant(-b.offset));
    return this.operation('-', [a, b]);
  }

  /** What the value is made of; undefined for constants and sums. */
  atomOf(value: Value): Atom | undefined {
    return value.terms.length === 1 && value.offset === 0n ? this.atoms.get(value.terms[0] ?? 0) : undefined;
  }

  /** The name that is one atom alone, by the atom's number. */
  byTerm(id: number): Value {
    return this.intern([id], 0n);
  }

  /** Its terms' atoms. */
  atomNames(value: Value): string[] {
    return value.terms.map((id) => this.atoms.get(id)?.op ?? '');
  }

  /** The atom of a sum's terms, joined by `+`, if it is one alone. */
  atomNamed(terms: string): string | undefined {
    return this.atoms.get(Number(terms))?.op;
  }

  private intern(terms: readonly number[], offset: bigint): Value {
    const [first] = terms;
    if (first === undefined) return this.kept(this.numbers, offset, () => this.made(terms, offset, offset));
    if (terms.length === 1 && offset === 0n)
      return this.kept(this.single, first, () => this.made(terms, offset, this.atomOnes.get(first) ?? u64));
    return this.kept(this.byKey, `${terms.join('+')}|${offset}`, () => {
      let most = offset;
      for (const term of terms) most += this.atomOnes.get(term) ?? u64;
      return this.made(terms, offset, maskOver(most));
    });
  }

  private kept<K>(names: Map<K, Value>, key: K, make: () => Value): Value {
    const known = names.get(key);
    if (known !== undefined) return known;
    const value = make();
    names.set(key, value);
    return value;
  }

  private made(terms: readonly number[], offset: bigint, ones: bigint): Value {
    return { id: this.next++, terms, base: terms.join('+'), offset, ones };
  }
}

/** The least mask 2^n - 1 that covers every number up to `most`; all bits if a sum may wrap. */
export function maskOver(most: bigint): bigint {
  if (most > u64) return u64;
  return most === 0n ? 0n : (1n << BigInt(most.toString(2).length)) - 1n;
}

/** The number that a name stands for, unsigned; undefined if it is none. */
export function constantOf(value: Value | undefined): bigint | undefined {
  return value !== undefined && value.terms.length === 0 ? value.offset : undefined;
}

/** Where a byte of a value comes from: a byte of an atom, or a number. */
export type ByteSource = { readonly value: Value; readonly index: number } | { readonly byte: number };

/** The source of byte `index` (0 is the lowest), followed through shifts, extensions, masks and swaps. */
export function byteSource(values: Values, value: Value, index: number): ByteSource {
  if (((value.ones >> BigInt(8 * index)) & 0xffn) === 0n) return { byte: 0 };
  const constant = constantOf(value);
  if (constant !== undefined) return { byte: Number((constant >> BigInt(8 * index)) & 0xffn) };
  const atom = values.atomOf(value);
  const [first, second] = atom?.args ?? [];
  if (atom === undefined || first === undefined) return { value, index };
  const amount = constantOf(second);
  const whole = amount !== undefined && amount % 8n === 0n ? Number(amount / 8n) : undefined;
  switch (atom.op) {
    case 'zext':
      return byteSource(values, first, index);
    case 'rsh32':
      return whole === undefined || index + whole > 3 ? { value, index } : byteSource(values, first, index + whole);
    case 'rsh64':
      return whole === undefined || index + whole > 7 ? { value, index } : byteSource(values, first, index + whole);
    case 'lsh32':
    case 'lsh64':
      return whole === undefined || index < whole ? { value, index } : byteSource(values, first, index - whole);
    case 'and32':
    case 'and64':
      return amount !== undefined && ((amount >> BigInt(8 * index)) & 0xffn) === 0xffn
        ? byteSource(values, first, index)
        : { value, index };
    case 'or32':
    case 'or64': {
      if (second === undefined) return { value, index };
      const lane = 0xffn << BigInt(8 * index);
      if ((first.ones & lane) === 0n) return byteSource(values, second, index);
      if ((second.ones & lane) === 0n) return byteSource(values, first, index);
      return { value, index };
    }
    case 'swap16':
    case 'swap32':
    case 'swap64': {
      const bytes = Number(atom.op.slice(4)) / 8;
      return index < bytes ? byteSource(values, first, bytes - 1 - index) : { byte: 0 };
    }
    default:
      return { value, index };
  }
}

/** Do two bytes come from the same place? */
export function sameSource(a: ByteSource, b: ByteSource): boolean {
  if ('byte' in a) return 'byte' in b && a.byte === b.byte;
  return !('byte' in b) && a.value === b.value && a.index === b.index;
}

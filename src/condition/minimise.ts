/**
 * The last step to a minimal condition: parts that hang on a few bits together are tried on every value of those bits.
 * What lets nothing through that the others keep out is dropped, and a bit that never makes a difference is not
 * mentioned. Everything larger is left to the rules of facts.ts and normal-form.ts, which need no enumeration.
 */
import { opTable, type Value } from '../ir/index.js';
import { type Bit, type BitSources, indexOf, isInverted, plain, sourceOf } from './bits.js';
import { type Conjunct, conjuncts, holdsAt } from './conjuncts.js';
import type { Facts } from './facts.js';

/** Most bits that are enumerated. */
const maxBits = 10;
/** Most computed values that a part may hang on; a hash of many rounds is beyond it, and stays as it is. */
const maxValues = 256;
/**
 * Steps that one condition may cost: comparisons of parts, and evaluations of values, of which each counts as
 * {@link evaluationSteps}. Clusters beyond it are left alone, the cheap ones being taken first. What stays is a
 * condition that says the same in more words.
 */
const maxEffort = 1 << 20;
/** What an evaluation takes, in comparisons of two bytes. */
const evaluationSteps = 64;
/**
 * Values and bits that looking for what parts hang on may pass, over all parts of a condition; parts behind it are
 * taken for larger than what is enumerated.
 */
const maxLooked = 1 << 15;

/** A condition with nothing in it that was found to be implied. */
export interface Minimal {
  /** The facts that are left: a copy, except where nothing could be dropped. */
  readonly facts: Facts;
  readonly parts: readonly Conjunct[];
  /**
   * For parts that were enumerated: the bits that make a difference to all such parts together. The same list for all
   * parts that share bits.
   */
  readonly essential: ReadonlyMap<Conjunct, readonly Bit[]>;
}

const known = new WeakMap<Facts, Minimal>();

/**
 * The smallest set of parts that was found, and the facts without those that turned out to be implied. `facts` stays
 * as it is, so what is printed of a trace never depends on what was printed before. Call it when all guards are in:
 * the answer is kept by the facts' identity.
 */
export function minimise(facts: Facts): Minimal {
  const before = known.get(facts);
  if (before !== undefined) return before;
  let left = facts;
  // What the facts that are left come to: to enumerate it again would show the same.
  let clusters: readonly Cluster[] | undefined;
  // Once with required bits among what is tried, which finds more, and once as constants, which leaves room for more
  // of the others. Where no bit is required, as in most single guards, these are one.
  for (const fixed of [false, true]) {
    if (clusters !== undefined && left.required.size === 0) continue;
    clusters = clustersOf(left, fixed);
    const redundant = clusters.flatMap((cluster) => cluster.redundant());
    if (redundant.length === 0) continue;
    left = without(left, redundant);
    clusters = undefined;
  }
  clusters ??= clustersOf(left, true);
  const essential = new Map<Conjunct, readonly Bit[]>();
  for (const cluster of clusters) {
    const bits = cluster.essentialBits();
    for (const part of cluster.parts) essential.set(part, bits);
  }
  const enumerated = new Set(clusters.flatMap((cluster) => cluster.parts).map(keyOf));
  const rest = conjuncts(left).filter((part) => !enumerated.has(keyOf(part)));
  const minimal = { facts: left, parts: [...rest, ...clusters.flatMap((cluster) => cluster.parts)], essential };
  known.set(facts, minimal);
  known.set(left, minimal);
  return minimal;
}

/** The facts without these parts of theirs. */
function without(facts: Facts, parts: readonly Conjunct[]): Facts {
  const left = facts.copy();
  for (const part of parts) {
    if (part.kind === 'bit') left.required.delete(part.literal.bit);
    else if (part.kind === 'compare') left.drop(part.compare);
    else if (part.kind === 'exclusion') left.drop(part.exclusion);
    else if (part.kind === 'gap') left.drop(part.gap);
    else if (part.kind === 'least' || part.kind === 'most') left.drop({ subject: part.subject, end: part.kind });
  }
  return left;
}

/** What tells parts apart: conjuncts are made anew each time. */
function keyOf(part: Conjunct): unknown {
  switch (part.kind) {
    case 'bit':
      return part.literal.bit;
    case 'exclusion':
      return part.exclusion;
    case 'least':
      return `${part.subject.key} >=`;
    case 'most':
      return `${part.subject.key} <=`;
    case 'gap':
      return part.gap;
    case 'found':
      return part.lookup;
    case 'compare':
      return part.compare;
  }
}

/** Parts that share bits, and the computed values between the two. */
interface Group {
  readonly parts: Conjunct[];
  readonly bits: Set<Bit>;
  readonly values: Set<Value>;
}

/**
 * Sets of parts that share bits, of few bits each. `fixed`: required bits of the packet or a map are constants and no
 * parts.
 */
function clustersOf(facts: Facts, fixed: boolean): Cluster[] {
  const groups = new Set<Group>();
  const groupOf = new Map<Bit, Group>();
  const search = { left: maxLooked, tooMuch: new Set<Value>() };
  for (const part of conjuncts(facts)) {
    const support = supportOf(facts, part, fixed, search);
    if (support === undefined) continue;
    const { bits } = support;
    const touched = new Set<Group>();
    for (const bit of bits) {
      const group = groupOf.get(bit);
      if (group !== undefined) touched.add(group);
    }
    const [first, ...others] = touched;
    const group = first ?? { parts: [], bits: new Set<Bit>(), values: new Set<Value>() };
    for (const other of others) {
      groups.delete(other);
      group.parts.push(...other.parts);
      for (const value of other.values) group.values.add(value);
      for (const bit of other.bits) {
        group.bits.add(bit);
        groupOf.set(bit, group);
      }
    }
    group.parts.push(part);
    for (const value of support.values) group.values.add(value);
    for (const bit of bits) {
      group.bits.add(bit);
      groupOf.set(bit, group);
    }
    groups.add(group);
  }
  const affordable: Cluster[] = [];
  const few = [...groups].filter(({ bits }) => bits.size <= maxBits).sort((a, b) => effortOf(a) - effortOf(b));
  let left = maxEffort;
  for (const group of few) {
    left -= effortOf(group);
    if (left < 0) break;
    affordable.push(new Cluster(facts, group.parts, [...group.bits], fixed));
  }
  return affordable;
}

/** Steps that a group would take, roughly: what may be tried is bounded by their sum. */
function effortOf({ parts, bits, values }: Group): number {
  return (values.size * evaluationSteps + parts.length ** 2) * 2 ** bits.size;
}

/** What a part hangs on. */
interface PartSupport {
  readonly bits: Set<Bit>;
  /** Computed values between the part and its bits. They make a DAG, so each is looked at once. */
  readonly values: Set<Value>;
}

/** What a value's bits are: bits of packet and maps, and computed values, each once. */
interface MadeOf {
  readonly own: readonly Bit[];
  readonly computed: readonly Value[];
}

/** A value has 64 bits, mostly of one computed value, and each part, guard and printing asks for them anew. */
const made = new WeakMap<BitSources, Map<Value, MadeOf>>();

function madeOf(sources: BitSources, value: Value): MadeOf {
  let known = made.get(sources);
  if (known === undefined) {
    known = new Map();
    made.set(sources, known);
  }
  const before = known.get(value);
  if (before !== undefined) return before;
  const own: Bit[] = [];
  const computed = new Set<Value>();
  for (const bit of sources.bitsOf(value)) {
    if (bit < 2) continue;
    const source = sources.sources[sourceOf(bit)];
    if (source?.kind === 'value') computed.add(source.value);
    else own.push(bit);
  }
  const result = { own, computed: [...computed] };
  known.set(value, result);
  return result;
}

/** The search for what the parts of a condition hang on. */
interface SupportSearch {
  /** See {@link maxLooked}. */
  left: number;
  /** Computed values that hang on too much: so does what hangs on them. */
  readonly tooMuch: Set<Value>;
}

/**
 * The bits that a part hangs on; undefined if they are too many, if there is more to it than bits, or if the search
 * has looked enough.
 */
function supportOf(facts: Facts, part: Conjunct, fixed: boolean, search: SupportSearch): PartSupport | undefined {
  const bits = new Set<Bit>();
  const values = new Set<Value>();
  const left: Value[] = [];
  const addBit = (bit: Bit): boolean => {
    if (bit < 2) return true;
    if (--search.left < 0) return false;
    const source = facts.sources.sources[sourceOf(bit)];
    if (source?.kind === 'value') return addComputed(source.value);
    if (fixed && facts.required.has(plain(bit))) return true;
    bits.add(plain(bit));
    return bits.size <= maxBits;
  };
  const addComputed = (value: Value): boolean => {
    if (values.has(value)) return true;
    if (--search.left < 0 || search.tooMuch.has(value)) return false;
    values.add(value);
    left.push(value);
    return opTable[value.op].evaluate !== undefined && values.size <= maxValues;
  };
  const addValue = (value: Value): boolean => {
    const { own, computed } = madeOf(facts.sources, value);
    return own.every(addBit) && computed.every(addComputed);
  };
  /** All that the part speaks of itself; false if that is too much. */
  const begin = (): boolean => {
    switch (part.kind) {
      case 'bit': {
        const isOpaque = facts.sources.sources[sourceOf(part.literal.bit)]?.kind === 'value';
        return (isOpaque || !fixed) && addBit(part.literal.bit);
      }
      case 'exclusion':
        return part.open.every(({ bit }) => addBit(bit));
      case 'least':
      case 'most':
        return part.subject.bits.every(addBit);
      case 'gap':
        return part.gap.subject.bits.every(addBit);
      case 'compare':
        return addValue(part.compare.a) && addValue(part.compare.b);
      default:
        return false;
    }
  };
  if (!begin()) return undefined;
  const [root, ...others] = left;
  const isAll = others.length === 0 && bits.size === 0;
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (value.args.every(addValue)) continue;
    if (isAll && root !== undefined) search.tooMuch.add(root);
    return undefined;
  }
  return { bits, values };
}

/** The order in which parts are tried for being redundant: hard to match first. */
const order: readonly Conjunct['kind'][] = ['compare', 'gap', 'exclusion', 'most', 'least', 'bit'];

/** Parts that share bits, with the truth of each for every assignment of those bits. */
class Cluster {
  readonly parts: readonly Conjunct[];
  private readonly facts: Facts;
  private readonly bits: readonly Bit[];
  private readonly fixed: boolean;
  /** By part: whether it holds, for each value of the bits. */
  private readonly truths: ReadonlyMap<Conjunct, Uint8Array>;
  /** The assignment that is tried. */
  private readonly assigned = new Map<Bit, number>();
  /** Computed values, each behind what it is made of: its place, how it is computed, and its number. */
  private readonly places = new Map<Value, number>();
  private readonly steps: (() => bigint)[] = [];
  private readonly numbers: bigint[] = [];

  constructor(facts: Facts, parts: readonly Conjunct[], bits: readonly Bit[], fixed: boolean) {
    this.facts = facts;
    this.fixed = fixed;
    this.parts = parts;
    this.bits = bits;
    const truths = new Map(parts.map((part) => [part, new Uint8Array(1 << bits.length)]));
    const { steps, numbers } = this;
    const bitOf = (bit: Bit): number => this.bitOf(bit);
    const numberOf = (value: Value): bigint => numbers[this.placeOf(value)] as bigint;
    for (let x = 0; x < 1 << bits.length; x++) {
      for (let i = 0; i < bits.length; i++) this.assigned.set(bits[i] as Bit, (x >> i) & 1);
      // A part may make steps more when it is asked first.
      for (let i = 0; i < steps.length; i++) numbers[i] = (steps[i] as () => bigint)();
      for (const [part, truth] of truths) truth[x] = holdsAt(part, bitOf, numberOf) ? 1 : 0;
    }
    this.truths = truths;
  }

  /** Parts without which nothing more gets through; those that cost a matcher most are tried first. */
  redundant(): Conjunct[] {
    const dropped = new Set<Conjunct>();
    const sorted = [...this.parts].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
    for (const part of sorted) {
      const others = sorted.filter((other) => other !== part && !dropped.has(other));
      const own = this.truths.get(part) as Uint8Array;
      if (own.every((truth, x) => truth === 1 || !this.all(others, x))) dropped.add(part);
    }
    return [...dropped];
  }

  /** Bits whose change makes a difference somewhere. */
  essentialBits(): Bit[] {
    const all = Uint8Array.from({ length: 1 << this.bits.length }, (_, x) => (this.all(this.parts, x) ? 1 : 0));
    return this.bits.filter((_, i) => all.some((truth, x) => truth !== all[x ^ (1 << i)]));
  }

  private all(parts: readonly Conjunct[], x: number): boolean {
    return parts.every((part) => this.truths.get(part)?.[x] === 1);
  }

  /** A bit under the assignment; those of opaque values are computed from their leaves' bits. */
  private bitOf(bit: Bit): number {
    if (bit < 2) return bit;
    const source = this.facts.sources.sources[sourceOf(bit)];
    const own =
      source?.kind === 'value'
        ? Number(((this.numbers[this.placeOf(source.value)] as bigint) >> BigInt(indexOf(bit))) & 1n)
        : // A bit that is neither required nor enumerated does not matter: it is masked off further up.
          (this.assigned.get(plain(bit)) ?? (this.fixed ? (this.facts.required.get(plain(bit)) ?? 0) : 0));
    return isInverted(bit) ? 1 - own : own;
  }

  /** Place of a value, which is computed from here on. */
  private placeOf(value: Value): number {
    const known = this.places.get(value);
    if (known !== undefined) return known;
    const step = this.stepOf(value);
    this.numbers.push(step());
    this.places.set(value, this.steps.push(step) - 1);
    return this.steps.length - 1;
  }

  private stepOf(value: Value): () => bigint {
    const { numbers } = this;
    const { evaluate } = opTable[value.op];
    const isComputed = evaluate !== undefined || value.op === 'select';
    const [a = -1, b = -1, c = -1] = isComputed ? value.args.map((arg) => this.placeOf(arg)) : [];
    if (value.op === 'const') return () => value.imm;
    if (value.op === 'select') return () => numbers[numbers[a] === 0n ? c : b] as bigint;
    if (evaluate === undefined || a < 0) return this.leafOf(value);
    return () => evaluate(numbers[a] as bigint, b < 0 ? 0n : (numbers[b] as bigint));
  }

  /** A leaf has 64 bits, of which few are tried or computed; the others are what they are. */
  private leafOf(leaf: Value): () => bigint {
    const { sources } = this.facts.sources;
    const tried = new Set(this.bits);
    let always = 0n;
    const open: { bit: Bit; weight: bigint }[] = [];
    for (const [i, bit] of this.facts.sources.bitsOf(leaf).entries()) {
      const weight = 1n << BigInt(i);
      const isOpen = bit >= 2 && (sources[sourceOf(bit)]?.kind === 'value' || tried.has(plain(bit)));
      // It stands before the leaf, if it is computed.
      const now = this.bitOf(bit) === 1;
      if (isOpen) open.push({ bit, weight });
      else if (now) always |= weight;
    }
    return () => {
      let number = always;
      for (const { bit, weight } of open) if (this.bitOf(bit) === 1) number |= weight;
      return number;
    };
  }
}

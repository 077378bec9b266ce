/**
 * What the guards so far say, in normal form: bits that are required, patterns that are excluded, ranges, and
 * comparisons that could not be taken apart. `decide` (decide.ts) tells whether a new guard follows (or contradicts),
 * so that no guard is recorded twice in another guise; `assert` adds one.
 *
 * All guards of one path condition are joined by "and". Facts accumulate, so a later, stronger fact replaces a weaker
 * one: `len >= 14` is gone after `len >= 34`.
 */
import { isConst, mask64, type Value } from '../ir/index.js';
import { type Bit, BitSources, isInverted, numberOf, plain } from './bits.js';
import { type Compare, compareKey, type Shifted, shiftedInterval, zeroParts } from './comparison.js';
import { decide } from './decide.js';
import { type Literals, largestOf, literalsOf, type Subject, scaledSubject, subjectOf } from './subject.js';

/** Inclusive bounds of a subject. They only ever move towards each other. */
export interface Range {
  readonly subject: Subject;
  lo: bigint;
  hi: bigint;
}

/** A pattern that must not match: not all of these bits have these values. */
export interface Exclusion {
  readonly bits: readonly Bit[];
  readonly values: readonly number[];
}

/** Values of a subject that are excluded, inclusive; for tests like `x - 1024 < 100`, negated. */
export interface Gap {
  readonly subject: Subject;
  readonly lo: bigint;
  readonly hi: bigint;
}

/** In order of first mention, for printing. */
export type Mention =
  | { readonly kind: 'bits'; readonly bits: readonly Bit[] }
  | { readonly kind: 'exclusion'; readonly exclusion: Exclusion }
  | { readonly kind: 'range'; readonly range: Range }
  | { readonly kind: 'gap'; readonly gap: Gap }
  | { readonly kind: 'found'; readonly lookup: Value }
  | { readonly kind: 'compare'; readonly compare: Compare };

/** Excluded numbers that are taken off each end of a range. */
const maxTrimmed = 256;

/**
 * The lowest and highest number that bits allow, where `knownOf` says what a plain bit must be. In two halves of 32
 * bits: bigints for every guard would cost more than the rest of it.
 */
function intervalWhere(
  bits: readonly Bit[],
  knownOf: (plain: Bit) => number | undefined,
): { readonly lo: bigint; readonly hi: bigint } {
  let low = 0;
  let high = 0;
  let lowTop = 0;
  let highTop = 0;
  for (let i = 0; i < bits.length; i++) {
    const bit = bits[i] as Bit;
    const value = bit < 2 ? bit : knownOf(plain(bit));
    const known = value !== undefined && bit >= 2 && isInverted(bit) ? 1 - value : value;
    if (i < 32) {
      if (known === 1) low |= 1 << i;
      if (known !== 0) lowTop |= 1 << i;
    } else {
      if (known === 1) high |= 1 << i;
      if (known !== 0) highTop |= 1 << i;
    }
  }
  return { lo: numberOf(low, high), hi: numberOf(lowTop, highTop) };
}

/** The facts of one path. They do not contradict each other: whoever asserts has asked `decide` before. */
export class Facts {
  readonly sources: BitSources;
  /** Plain bit -> value that it must have. */
  readonly required: Map<Bit, number> = new Map();
  readonly exclusions: Exclusion[] = [];
  readonly ranges: Map<string, Range> = new Map();
  readonly gaps: Gap[] = [];
  readonly found: Map<Value, boolean> = new Map();
  readonly compares: Map<string, Compare> = new Map();
  readonly mentions: Mention[] = [];
  /** Bits that ranges leave no choice: known, but said by the range. */
  private readonly implied: Map<Bit, number> = new Map();
  /** Bounds of numbers that follow from comparisons with others. */
  private readonly hints: Map<string, { lo: bigint; hi: bigint }> = new Map();
  private asked:
    | { readonly value: Value; readonly constant: bigint; readonly literals: Literals | undefined }
    | undefined;

  /** Facts that are to be compared bit by bit share their sources. */
  constructor(sources: BitSources = new BitSources()) {
    this.sources = sources;
  }

  /** True or false if the facts imply it, else undefined. `condition` is a comparison. */
  decide(condition: Value): boolean | undefined {
    return decide(this, condition);
  }

  /** One more guard: from now on the comparison comes out like this. */
  assert(condition: Value, holds: boolean): void {
    const [a, b] = condition.args as [Value, Value];
    switch (condition.op) {
      case 'eq':
        this.assertEqual(a, b, holds);
        break;
      case 'ult':
        this.assertLess(a, b, holds);
        break;
      case 'ule':
        this.assertLess(b, a, !holds);
        break;
      case 'slt':
        this.assertSigned(a, b, holds);
        break;
      case 'sle':
        this.assertSigned(b, a, !holds);
        break;
      default:
        break;
    }
  }

  /** Of numbers whose signs differ or are not known, only the comparison itself is kept. */
  private assertSigned(a: Value, b: Value, holds: boolean): void {
    const x = this.signOf(a);
    // Numbers of one sign compare as if they had none.
    if (x !== undefined && x === this.signOf(b)) this.assertLess(a, b, holds);
    else this.addCompare('slt', a, b, holds);
  }

  /** Smallest and largest value that the facts leave. */
  interval(value: Value): { readonly lo: bigint; readonly hi: bigint } {
    if (isConst(value)) return { lo: value.imm, hi: value.imm };
    const bits = this.sources.bitsOf(value);
    const scaled = scaledSubject(bits);
    if (scaled === undefined || scaled.shift === 0n) return this.intervalOf(bits);
    const { lo, hi } = this.intervalOf(scaled.subject.bits);
    return { lo: lo << scaled.shift, hi: hi << scaled.shift };
  }

  /** The topmost bit, if it is known. */
  signOf(value: Value): number | undefined {
    const { lo, hi } = this.interval(value);
    return lo >> 63n === hi >> 63n ? Number(hi >> 63n) : undefined;
  }

  /** Smallest and largest number that known bits, ranges and comparisons leave. */
  private intervalOf(bits: readonly Bit[]): { readonly lo: bigint; readonly hi: bigint } {
    let { lo, hi } = intervalWhere(bits, (bit) => this.known(bit));
    const subject = this.ranges.size + this.hints.size === 0 ? undefined : subjectOf(bits);
    if (subject === undefined) return { lo, hi };
    for (const range of [this.ranges.get(subject.key), this.hints.get(subject.key)]) {
      if (range === undefined) continue;
      if (range.lo > lo) lo = range.lo;
      if (range.hi < hi) hi = range.hi;
    }
    return { lo, hi };
  }

  /** Smallest and largest number that the required bits alone leave. */
  bareInterval(bits: readonly Bit[]): { readonly lo: bigint; readonly hi: bigint } {
    return intervalWhere(bits, (bit) => this.required.get(bit));
  }

  /** What a bit must be, if that is known. */
  valueOf(bit: Bit): number | undefined {
    if (bit < 2) return bit;
    const value = this.known(plain(bit));
    return value === undefined ? undefined : isInverted(bit) ? 1 - value : value;
  }

  private known(bit: Bit): number | undefined {
    return this.required.get(bit) ?? this.implied.get(bit);
  }

  /**
   * Takes an equation apart: a look-up that found something or not, parts that are all zero, required bits or one
   * exclusion.
   */
  private assertEqual(a: Value, b: Value, holds: boolean): void {
    if (!isConst(b)) {
      this.addCompare('eq', a, b, holds);
      return;
    }
    if (a.op === 'lookup' && b.imm === 0n) {
      this.found.set(a, !holds);
      this.mentions.push({ kind: 'found', lookup: a });
      return;
    }
    const zero = zeroParts(a, b);
    if (zero !== undefined && holds) {
      for (const part of zero) this.assertEqual(part, b, true);
      return;
    }
    const literals = this.literals(a, b.imm);
    if (literals === undefined) return;
    if (holds) {
      this.require(literals);
      return;
    }
    const subject = subjectOf(this.sources.bitsOf(a));
    // A number that is not its least or greatest value is a range.
    if (subject !== undefined && subject.bits.length > 1 && this.trimRange(subject, a, b.imm)) return;
    const open = literals.bits
      .map((bit, i) => ({ bit, value: literals.values[i] as number }))
      .filter(({ bit }) => !this.required.has(bit));
    if (open.length === 1) {
      const [only] = open as [{ bit: Bit; value: number }];
      this.require({ bits: [only.bit], values: [1 - only.value] });
      return;
    }
    this.exclude(literals);
  }

  /** If `x` is at an end of an existing range of the subject, narrows the range. */
  private trimRange(subject: Subject, a: Value, x: bigint): boolean {
    const range = this.ranges.get(subject.key);
    if (range === undefined) return false;
    const { lo, hi } = this.interval(a);
    if (x === lo) range.lo = x + 1n;
    else if (x === hi) range.hi = x - 1n;
    else return false;
    return true;
  }

  /** Takes `a < b` apart into bounds; where neither side is constant it stays a comparison. */
  private assertLess(a: Value, b: Value, holds: boolean): void {
    const shifted = shiftedInterval(this.sources, a, b);
    if (shifted !== undefined) {
      this.narrowShifted(shifted, holds);
      return;
    }
    if (isConst(b)) {
      const scaled = scaledSubject(this.sources.bitsOf(a));
      if (scaled !== undefined) {
        const { subject, shift } = scaled;
        // x << k < c is x < ceil(c / 2^k).
        const bound = (b.imm + (1n << shift) - 1n) >> shift;
        this.narrow(subject, holds ? 0n : bound, holds ? bound - 1n : undefined);
        return;
      }
    } else if (isConst(a)) {
      const scaled = scaledSubject(this.sources.bitsOf(b));
      if (scaled !== undefined) {
        const { subject, shift } = scaled;
        // c < x << k is x > floor(c / 2^k).
        const bound = a.imm >> shift;
        this.narrow(subject, holds ? bound + 1n : 0n, holds ? undefined : bound);
        return;
      }
    }
    this.addCompare('ult', a, b, holds);
  }

  /** Moves the bounds of a subject; ends that are excluded move on. */
  private narrow(subject: Subject, lo: bigint, hi: bigint | undefined): void {
    const full = this.bareInterval(subject.bits);
    let range = this.ranges.get(subject.key);
    if (range === undefined) {
      range = { subject, lo: full.lo, hi: full.hi };
      this.ranges.set(subject.key, range);
      this.mentions.push({ kind: 'range', range });
    }
    if (lo > range.lo) range.lo = lo;
    if (hi !== undefined && hi < range.hi) range.hi = hi;
    // An excluded number at an end of the range is no end. A sign that is spread over many bits excludes more numbers
    // than can be tried.
    for (let i = 0; i < maxTrimmed && range.lo < range.hi && this.isExcluded(subject, range.lo); i++) range.lo++;
    for (let i = 0; i < maxTrimmed && range.lo < range.hi && this.isExcluded(subject, range.hi); i++) range.hi--;
    this.implyPrefix(range);
    if (range.lo === range.hi) {
      const values = subject.bits.map((_, i) => Number((range.lo >> BigInt(i)) & 1n));
      this.require({
        bits: subject.bits.map((bit) => plain(bit)),
        values: values.map((v, i) => (isInverted(subject.bits[i] as Bit) ? 1 - v : v)),
      });
    }
  }

  /** True if a known exclusion is just this number. */
  private isExcluded(subject: Subject, number: bigint): boolean {
    if (this.exclusions.length === 0) return false;
    const literals = literalsOf(subject.bits, number);
    if (literals === undefined) return true;
    const wanted = new Map(literals.bits.map((bit, i) => [bit, literals.values[i] as number]));
    return this.exclusions.some(({ bits, values }) => bits.every((bit, i) => wanted.get(bit) === values[i]));
  }

  /** The topmost bits that both ends of a range have in common. */
  private implyPrefix({ subject, lo, hi }: Range): void {
    for (let i = subject.bits.length - 1; i >= 0; i--) {
      const value = Number((lo >> BigInt(i)) & 1n);
      if (value !== Number((hi >> BigInt(i)) & 1n)) return;
      const bit = subject.bits[i] as Bit;
      this.implied.set(plain(bit), isInverted(bit) ? 1 - value : value);
    }
  }

  /**
   * Bounds of a subject that was compared plus a constant: inside of an interval, or outside of it, which is a gap
   * unless it touches an end.
   */
  private narrowShifted(shifted: Shifted, holds: boolean): void {
    const { value, subject, lo, hi, inside } = shifted;
    if (holds === inside) {
      this.narrow(subject, lo, hi);
      return;
    }
    const current = this.interval(value);
    if (lo <= current.lo) this.narrow(subject, hi + 1n, undefined);
    else if (hi >= current.hi) this.narrow(subject, 0n, lo - 1n);
    else {
      const gap = { subject, lo, hi };
      this.gaps.push(gap);
      this.mentions.push({ kind: 'gap', gap });
    }
  }

  /** Fixes bits. What was excluded may thereby fix further ones. */
  private require(literals: Literals): void {
    const fresh: Bit[] = [];
    for (const [i, bit] of literals.bits.entries()) {
      if (!this.required.has(bit)) fresh.push(bit);
      this.required.set(bit, literals.values[i] as number);
    }
    if (fresh.length > 0) this.mentions.push({ kind: 'bits', bits: fresh });
    // An exclusion of which one bit is left says what that bit is.
    for (const exclusion of this.exclusions) {
      const only = this.lastOpen(exclusion);
      if (only >= 0)
        this.require({ bits: [exclusion.bits[only] as Bit], values: [1 - (exclusion.values[only] as number)] });
    }
  }

  /** Position of the one bit that an exclusion leaves open while all others match; -1 if there is no such. */
  private lastOpen(exclusion: Exclusion): number {
    let open = -1;
    for (let i = 0; i < exclusion.bits.length; i++) {
      const value = this.known(exclusion.bits[i] as Bit);
      if (value === undefined) {
        if (open >= 0) return -1;
        open = i;
      } else if (value !== exclusion.values[i]) {
        return -1;
      }
    }
    return open;
  }

  /** The source bits that must have certain values for `value == constant`; undefined if that is impossible. */
  literals(value: Value, constant: bigint): Literals | undefined {
    // A guard is decided and then asserted, with the same question.
    if (this.asked?.value === value && this.asked.constant === constant) return this.asked.literals;
    const literals = literalsOf(this.sources.bitsOf(value), constant);
    this.asked = { value, constant, literals };
    return literals;
  }

  /** Keeps a comparison, and what it says of either side's bounds as hints. */
  private addCompare(op: Compare['op'], a: Value, b: Value, holds: boolean): void {
    const compare = { op, a, b, holds };
    this.compares.set(compareKey(op, a, b), compare);
    this.mentions.push({ kind: 'compare', compare });
    const x = this.interval(a);
    const y = this.interval(b);
    if (op === 'ult' && holds) {
      this.hint(a, 0n, y.hi - 1n);
      this.hint(b, x.lo + 1n, mask64);
    } else if (op === 'ult') {
      this.hint(a, y.lo, mask64);
      this.hint(b, 0n, x.hi);
    } else if (op === 'eq' && holds) {
      this.hint(a, y.lo, y.hi);
      this.hint(b, x.lo, x.hi);
    }
  }

  /** Bounds that follow from comparisons: good for deciding, and not written down, since the comparison is. */
  private hint(value: Value, lo: bigint, hi: bigint): void {
    const subject = subjectOf(this.sources.bitsOf(value));
    if (subject === undefined) return;
    const known = this.hints.get(subject.key);
    if (known === undefined) this.hints.set(subject.key, { lo, hi });
    else {
      if (lo > known.lo) known.lo = lo;
      if (hi < known.hi) known.hi = hi;
    }
  }

  /**
   * Call it when all guards are in: comparisons one side of which has become a constant meanwhile turn into ranges and
   * required bits, which say the same more simply.
   */
  settle(): void {
    for (const [key, compare] of [...this.compares]) {
      const { op, a, b, holds } = compare;
      const x = this.bareInterval(this.sources.bitsOf(a));
      const y = this.bareInterval(this.sources.bitsOf(b));
      const left = x.lo === x.hi;
      if (op === 'slt' || (!left && y.lo !== y.hi)) continue;
      const subject = scaledSubject(this.sources.bitsOf(left ? b : a));
      const constant = left ? x.lo : y.lo;
      if (left && y.lo === y.hi) this.compares.delete(key);
      else if (subject !== undefined && subject.shift === 0n) {
        this.compares.delete(key);
        if (op === 'eq') this.assertNumber(subject.subject, constant, holds);
        else if (left) this.narrow(subject.subject, holds ? constant + 1n : 0n, holds ? undefined : constant);
        else this.narrow(subject.subject, holds ? 0n : constant, holds ? constant - 1n : undefined);
      }
    }
  }

  /** True if a comparison that was mentioned is still one of the facts. */
  holds(compare: Compare): boolean {
    return this.compares.get(compareKey(compare.op, compare.a, compare.b)) === compare;
  }

  /**
   * The same facts in containers of their own, over the same sources: what is dropped from the copy stays in the
   * original. Mentions of the copy speak of the copy's ranges, since ranges are the facts that change in place.
   */
  copy(): Facts {
    const copy = new Facts(this.sources);
    const rangeOf = new Map<Range, Range>();
    for (const [key, range] of this.ranges) {
      const own = { ...range };
      rangeOf.set(range, own);
      copy.ranges.set(key, own);
    }
    for (const [bit, value] of this.required) copy.required.set(bit, value);
    for (const [bit, value] of this.implied) copy.implied.set(bit, value);
    for (const [key, { lo, hi }] of this.hints) copy.hints.set(key, { lo, hi });
    for (const [lookup, found] of this.found) copy.found.set(lookup, found);
    for (const [key, compare] of this.compares) copy.compares.set(key, compare);
    copy.exclusions.push(...this.exclusions);
    copy.gaps.push(...this.gaps);
    for (const mention of this.mentions)
      copy.mentions.push(
        mention.kind === 'range' ? { kind: 'range', range: rangeOf.get(mention.range) ?? mention.range } : mention,
      );
    return copy;
  }

  /** Takes back what the others turned out to imply. */
  drop(fact: Compare | Exclusion | Gap | { readonly subject: Subject; readonly end: 'least' | 'most' }): void {
    if ('end' in fact) {
      const range = this.ranges.get(fact.subject.key);
      if (range === undefined) return;
      if (fact.end === 'least') range.lo = 0n;
      else range.hi = largestOf(range.subject);
    } else if ('op' in fact) this.compares.delete(compareKey(fact.op, fact.a, fact.b));
    else if ('subject' in fact) this.gaps.splice(this.gaps.indexOf(fact), 1);
    else this.exclusions.splice(this.exclusions.indexOf(fact), 1);
  }

  /** The subject is, or is not, this number. */
  private assertNumber(subject: Subject, number: bigint, holds: boolean): void {
    const literals = number > largestOf(subject) ? undefined : literalsOf(subject.bits, number);
    if (literals === undefined) return;
    if (holds) this.require(literals);
    else this.exclude(literals);
  }

  /** Not all of these bits have these values. */
  private exclude(literals: Literals): void {
    const exclusion = { bits: literals.bits, values: literals.values };
    this.exclusions.push(exclusion);
    this.mentions.push({ kind: 'exclusion', exclusion });
  }
}

/**
 * The path condition of a trace in normal form, as text and as data: ternary match over packet bytes, ranges, residual
 * comparisons, state. It is read off the {@link Facts} that the guards left behind, so what is implied by the rest has
 * disappeared already; here the facts are grouped into fields and put into words, in the order in which the program
 * first asked.
 */
import { formatConstant, type Value } from '../ir/index.js';
import type { FieldFormat } from '../packet/index.js';
import { type Bit, indexOf, type Source, sourceOf } from './bits.js';
import { formatField, reverseBytes } from './byte-run.js';
import type { Compare } from './comparison.js';
import type { Computation } from './computation-words.js';
import { Describer, type Naming, type TraceNames } from './describe.js';
import type { Exclusion, Facts, Gap, Range } from './facts.js';
import { minimise } from './minimise.js';
import { isImplied, isOpenGap, openExclusion, openRange } from './normal-form.js';
import { signedText } from './operation-words.js';
import type { Literal } from './subject.js';
import { ternaryRows } from './ternary-rows.js';
import type { Words } from './words.js';

/** How a card can look at a conjunct: by ternary match, by range, by computing, or in its state. */
export type AtomKind = 'ternary' | 'range' | 'residual' | 'state';

/** One conjunct. */
export interface Atom {
  readonly kind: AtomKind;
  readonly text: string;
}

/** One byte of a ternary match: bits of `mask` must equal those of `value`. */
export interface TernaryByte {
  readonly offset: number;
  readonly mask: number;
  readonly value: number;
}

/** Which packets take a path: as text, as conjuncts, as rows of a ternary table. */
export interface PathCondition {
  readonly text: string;
  readonly atoms: readonly Atom[];
  readonly ternary: readonly TernaryByte[];
  /** What a ternary table needs for the part that it can hold: rows, and bits of the key that they look at. */
  readonly table: { readonly rows: number; readonly keyBits: number };
  /** What the names of long computations in the texts stand for. */
  readonly computed: readonly Computation[];
}

/**
 * Puts what the guards of a trace left behind into words; `guards` stays as it is. `naming`: names for long
 * computations that several conditions share.
 */
export function pathCondition(guards: Facts, names: TraceNames, naming?: Naming): PathCondition {
  const { facts } = minimise(guards);
  const writer = new ConditionWriter(facts, names, naming);
  const atoms = writer.write();
  const { rows, keyBits } = ternaryRows(facts);
  return {
    text: atoms.length === 0 ? 'true' : atoms.map((atom) => atom.text).join(' && '),
    atoms,
    ternary: ternaryOf(facts),
    table: { rows: rows.length, keyBits },
    // Who shares names between conditions asks for them in the end.
    computed: naming === undefined ? writer.computations() : [],
  };
}

/** Bits of one field of a source; `holds`: is a bit one of the field's? */
interface FieldBits {
  readonly source: Source;
  readonly width: number;
  readonly bits: Bit[];
  readonly holds: (bit: Bit) => boolean;
}

/** Writes facts as atoms, in the order in which they were first mentioned. A bit that one atom has said is `done`. */
class ConditionWriter {
  private readonly facts: Facts;
  private readonly describer: Describer;
  private readonly names: TraceNames;
  /** Required bits that have been written. */
  private readonly done = new Set<Bit>();
  private readonly lengths: Atom[] = [];
  private readonly others: Atom[] = [];

  constructor(facts: Facts, names: TraceNames, naming: Naming | undefined) {
    this.facts = facts;
    this.names = names;
    this.describer = new Describer(facts, names, naming);
  }

  /** The atoms; those about the packet's length come first, since they say which bytes there are. */
  write(): Atom[] {
    for (const mention of this.facts.mentions) {
      switch (mention.kind) {
        case 'bits':
          this.writeAsked(mention.bits);
          for (const bit of mention.bits) if (this.facts.required.has(bit)) this.writeBit(bit, mention.bits);
          break;
        case 'exclusion':
          this.writeExclusion(mention.exclusion);
          break;
        case 'range':
          this.writeRange(mention.range);
          break;
        case 'gap':
          this.writeGap(mention.gap);
          break;
        case 'found': {
          const found = this.facts.found.get(mention.lookup) === true;
          this.others.push({
            kind: 'state',
            text: `${this.describer.expression(mention.lookup)} ${found ? 'found' : 'not found'}`,
          });
          break;
        }
        case 'compare':
          this.writeCompare(mention.compare);
          break;
      }
    }
    return [...this.lengths, ...this.others];
  }

  computations(): readonly Computation[] {
    return this.describer.computations();
  }

  private push(kind: AtomKind, text: string, isLength = false): void {
    (isLength ? this.lengths : this.others).push({ kind, text });
  }

  /** What a matcher needs for this bit: a ternary cell, a number, map state, or a computation. */
  private kindOf(bit: Bit): AtomKind {
    const source = this.describer.source(bit);
    if (source.kind === 'packet') return source.base === undefined ? 'ternary' : 'residual';
    if (source.kind === 'map') return 'state';
    const { op } = source.value;
    return op === 'len' || op === 'ctx' || op === 'metalen'
      ? 'range'
      : op === 'lookup' || op === 'slot'
        ? 'state'
        : 'residual';
  }

  /** The kind of a condition on all of these bits at once: what the hardest one of them takes. */
  private kindOfAll(bits: readonly Bit[]): AtomKind {
    const kinds = new Set(bits.map((bit) => this.kindOf(bit)));
    return (['state', 'residual', 'range'] as const).find((kind) => kinds.has(kind)) ?? 'ternary';
  }

  /** The kind of a range of a number. */
  private kindOfNumber(bits: readonly Bit[]): AtomKind {
    const kind = this.kindOfAll(bits);
    return kind === 'ternary' ? 'range' : kind;
  }

  /**
   * What one question asked by a name of its own (`ip.fragoff`, `tcp.syn`) is told by that name, whatever else is
   * known of the bytes that it lies in; unless all of them are known and not each by a name: then they are one number.
   */
  private writeAsked(bits: readonly Bit[]): void {
    const { facts, describer } = this;
    for (const field of this.fieldsOf(bits.filter((bit) => facts.required.has(bit) && !this.done.has(bit)))) {
      if (!describer.isNamedPart(field.source, field.bits) || !this.ownParts(field).has(field.bits[0] as Bit)) continue;
      for (const bit of field.bits) this.done.add(bit);
      const values = field.bits.map((bit) => facts.required.get(bit) as number);
      this.push(this.kindOf(field.bits[0] as Bit), this.equation(field.bits, values, '=='));
    }
  }

  /** Required bits of a field that questions asked by names of their own. */
  private ownParts({ source, width, holds }: FieldBits): ReadonlySet<Bit> {
    const { facts, describer } = this;
    const groups = facts.mentions.flatMap((mention) => {
      if (mention.kind !== 'bits') return [];
      const group = mention.bits.filter((bit) => holds(bit) && facts.required.has(bit));
      return group.length === 0 ? [] : [group];
    });
    const parts = groups.filter((group) => describer.isNamedPart(source, group));
    const isWhole = new Set(groups.flat()).size === 8 * width;
    return new Set(isWhole && parts.length < groups.length ? [] : parts.flat());
  }

  /** Bits of packet and maps, field by field. */
  private fieldsOf(bits: readonly Bit[]): FieldBits[] {
    const fields = new Map<string, FieldBits>();
    for (const bit of bits) {
      const source = this.describer.source(bit);
      if (source.kind === 'value') continue;
      const number = sourceOf(bit);
      const { offset, width } = this.describer.fieldOf(source, Math.floor(indexOf(bit) / 8));
      const key = `${number} ${offset}`;
      const known = fields.get(key);
      if (known !== undefined) known.bits.push(bit);
      else {
        const holds = (other: Bit): boolean =>
          sourceOf(other) === number && indexOf(other) >= 8 * offset && indexOf(other) < 8 * (offset + width);
        fields.set(key, { source, width, bits: [bit], holds });
      }
    }
    return [...fields.values()];
  }

  /** All required bits of the field that a bit belongs to; `together`: what the same question asked. */
  private writeBit(bit: Bit, together: readonly Bit[]): void {
    if (this.done.has(bit)) return;
    const { facts, describer } = this;
    const source = describer.source(bit);
    const number = sourceOf(bit);
    const wanted = [...facts.required.keys()].filter((other) => sourceOf(other) === number && !this.done.has(other));
    if (source.kind === 'value') {
      this.writeValueBits(source.value, wanted);
      return;
    }
    const byte = Math.floor(indexOf(bit) / 8);
    let { offset, width, isNamed } = describer.fieldOf(source, byte);
    const asked = source.kind === 'packet' ? together : undefined;
    const requiredByte = (at: number): boolean =>
      wanted.some((other) => Math.floor(indexOf(other) / 8) === at && asked?.includes(other) !== false) &&
      (asked === undefined || !describer.fieldOf(source, at).isNamed);
    if (!isNamed) {
      // Bytes without a name: as far as they are required one after another, of the packet in one question.
      while (requiredByte(offset - 1) && width < 8) {
        offset--;
        width++;
      }
      while (requiredByte(offset + width) && width < 8) width++;
    }
    const inside = (other: Bit): boolean => indexOf(other) >= 8 * offset && indexOf(other) < 8 * (offset + width);
    const holds = (other: Bit): boolean => sourceOf(other) === number && inside(other);
    const own = this.ownParts({ source, width, bits: [], holds });
    const bits = wanted.filter((other) => inside(other) && (other === bit || !own.has(other)));
    for (const other of bits) this.done.add(other);
    const values = bits.map((other) => facts.required.get(other) as number);
    this.push(this.kindOf(bit), this.equation(bits, values, '=='));
  }

  /** Bits of a value that is no packet field: an equation if they are all of it, else a masked one. */
  private writeValueBits(value: Value, wanted: readonly Bit[]): void {
    for (const bit of wanted) this.done.add(bit);
    let mask = 0n;
    let number = 0n;
    for (const bit of wanted) {
      mask |= 1n << BigInt(indexOf(bit));
      if (this.facts.required.get(bit) === 1) number |= 1n << BigInt(indexOf(bit));
    }
    const text = this.describer.expression(value, true);
    const kind = this.kindOf(wanted[0] as Bit);
    const isLength = value.op === 'len';
    const all = mask === value.ones;
    if (value.op === 'slot' && all) {
      this.push(kind, `${text} == ${number === 0n ? 'none' : this.names.program(Number(number) - 1)}`);
      return;
    }
    this.push(
      kind,
      all ? `${text} == ${number}` : `(${text} & 0x${mask.toString(16)}) == 0x${number.toString(16)}`,
      isLength,
    );
  }

  /** `field == value`, `field & mask == value`, of bits of one source that is not a value. */
  private equation(bits: readonly Bit[], values: readonly number[], operator: '==' | '!='): string {
    const { describer } = this;
    const source = describer.source(bits[0] as Bit);
    const { run, number } = describer.value(bits, values);
    const address = describer.addressPart(source, run, number);
    if (address !== undefined) return `${address.text} ${operator} ${address.number}`;
    const words = describer.run(source, run);
    let shown = number;
    const every = (1n << BigInt(8 * run.width)) - 1n;
    // A named part of the bytes is a number of its own.
    if (run.mask !== every && !words.text.includes('&')) shown = number >> trailingZeros(run.mask);
    if (source.kind === 'map') {
      shown = reverseBytes(number, run.width);
      if (words.isPart === true)
        return `${words.text} ${operator} ${shown >> trailingZeros(reverseBytes(run.mask, run.width))}`;
      if (run.width > 1) return `${words.text} ${operator} ${formatConstant(shown)}`;
    }
    return `${words.text} ${operator} ${formatField(shown, words.format, run.width)}`;
  }

  /** A pattern that must not occur, less the bits that other facts have decided. */
  private writeExclusion(exclusion: Exclusion): void {
    const open = openExclusion(this.facts, exclusion);
    if (open === undefined || !this.facts.exclusions.includes(exclusion)) return;
    this.push(this.kindOfAll(open.map(({ bit }) => bit)), this.notEqual(open, exclusion));
  }

  /** In words: `!=` for one field, else a negated conjunction. */
  private notEqual(open: readonly Literal[], exclusion: Exclusion): string {
    const groups = new Map<number, Literal[]>();
    for (const literal of open) {
      const source = sourceOf(literal.bit);
      groups.set(source, [...(groups.get(source) ?? []), literal]);
    }
    if (groups.size > 1) {
      const parts = [...groups.values()].map((group) => this.notEqual(group, exclusion).replace(' != ', ' == '));
      return `!(${parts.join(' && ')})`;
    }
    const bits = open.map(({ bit }) => bit);
    const values = open.map(({ value }) => value);
    const source = this.describer.source(bits[0] as Bit);
    if (source.kind !== 'value') return this.equation(bits, values, '!=');
    let mask = 0n;
    let number = 0n;
    for (const { bit, value } of open) {
      mask |= 1n << BigInt(indexOf(bit));
      if (value === 1) number |= 1n << BigInt(indexOf(bit));
    }
    const text = this.describer.expression(source.value);
    return mask === source.value.ones
      ? `${text} != ${number}`
      : `(${text} & 0x${mask.toString(16)}) != 0x${number.toString(16)}`;
  }

  /** Bounds that other facts do not already imply; addresses in their own notation. */
  private writeRange(range: Range): void {
    const { subject } = range;
    const open = openRange(this.facts, range);
    if (open === undefined) return;
    const words = this.describer.subject(subject.bits);
    const source = this.describer.source(subject.bits[0] as Bit);
    const isLength = source.kind === 'value' && source.value.op === 'len';
    const show = bounds(words, Math.ceil(subject.bits.length / 8));
    const kind = this.kindOfNumber(subject.bits);
    const { lo, hi } = open;
    if (lo !== undefined && hi !== undefined)
      this.push(kind, `${words.text} >= ${show(lo)} && ${words.text} <= ${show(hi)}`, isLength);
    else if (lo !== undefined)
      this.push(kind, lo === 1n ? `${words.text} != 0` : `${words.text} >= ${show(lo)}`, isLength);
    else if (hi !== undefined) this.push(kind, `${words.text} < ${show(hi + 1n)}`, isLength);
  }

  /** Numbers in the middle of a range that are out. */
  private writeGap(gap: Gap): void {
    if (!isOpenGap(this.facts, gap) || !this.facts.gaps.includes(gap)) return;
    const words = this.describer.subject(gap.subject.bits);
    const { lo, hi, subject } = gap;
    const show = bounds(words, Math.ceil(subject.bits.length / 8));
    const text =
      lo === hi ? `${words.text} != ${show(lo)}` : `(${words.text} < ${show(lo)} || ${words.text} > ${show(hi)})`;
    this.push(this.kindOfNumber(subject.bits), text);
  }

  /** A comparison of two things that change: one that could not be taken apart into bits. */
  private writeCompare(compare: Compare): void {
    const { describer, facts } = this;
    // One that has been settled is said by other facts now.
    if (!facts.holds(compare) || isImplied(facts, compare)) return;
    const a = describer.expression(compare.a);
    const b = describer.expression(compare.b);
    // Facts that came later have fixed both sides.
    if (compare.op === 'eq' && a === b) return;
    const kind = dependsOnState(compare.a) || dependsOnState(compare.b) ? 'state' : 'residual';
    // Two fields that are equal are equal in any byte order.
    const [x, y] =
      compare.op === 'eq' && littleEndian.test(a) && littleEndian.test(b)
        ? [a.replace(littleEndian, '$1'), b.replace(littleEndian, '$1')]
        : [a, b];
    if (compare.op === 'eq') this.push(kind, `${x} ${compare.holds ? '==' : '!='} ${y}`);
    else {
      const signed = (value: Value, text: string): string => (compare.op === 'slt' ? signedText(value, text) : text);
      this.push(kind, `${signed(compare.a, a)} ${compare.holds ? '<' : '>='} ${signed(compare.b, b)}`, false);
    }
  }
}

function isAddress(format: FieldFormat): boolean {
  return format === 'ipv4' || format === 'ipv6' || format === 'mac';
}

const littleEndian = /^le\d+\((.*)\)$/;

/** Does anything below the value read a map, or what a helper gave? */
function dependsOnState(top: Value): boolean {
  const seen = new Set([top]);
  for (const value of seen) {
    if (value.op === 'lookup' || value.op === 'call' || value.op === 'atomic') return true;
    if (value.op === 'load' && value.detail?.kind === 'memory' && value.detail.space !== 'packet') return true;
    for (const arg of value.args) seen.add(arg);
  }
  return false;
}

/** Of a number that is not 0 this is the position of its lowest bit. */
function trailingZeros(x: bigint): bigint {
  let n = 0n;
  while (x !== 0n && ((x >> n) & 1n) === 0n) n++;
  return n;
}

/** The ternary part, byte by byte in packet order. */
function ternaryOf(facts: Facts): TernaryByte[] {
  const bytes = new Map<number, { mask: number; value: number }>();
  for (const [bit, value] of facts.required) {
    const source = facts.sources.sources[sourceOf(bit)];
    if (source?.kind !== 'packet' || source.base !== undefined) continue;
    const index = indexOf(bit);
    const offset = Math.floor(index / 8);
    const byte = bytes.get(offset) ?? { mask: 0, value: 0 };
    const at = index - offset * 8;
    byte.mask |= 1 << at;
    byte.value |= value << at;
    bytes.set(offset, byte);
  }
  return [...bytes.entries()].sort(([a], [b]) => a - b).map(([offset, { mask, value }]) => ({ offset, mask, value }));
}

/** How bounds of a subject of so many bytes are written. */
function bounds({ text, format, shift = 0 }: Words, width: number): (bound: bigint) => string {
  if (isAddress(format)) return (bound) => formatField(bound, format, width);
  // In the other byte order nobody thinks in tens.
  const isWide = littleEndian.test(text) && width > 2;
  return (bound) => (shift === 0 && !isWide ? `${bound}` : formatConstant(bound << BigInt(shift)));
}

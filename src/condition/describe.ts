/** Words for values, bits and map keys: `ip.dst`, `pkt[40:2]`, `vip_map[ip.dst, udp.dport]`, `now`. */
import {
  cellOf,
  formatConstant,
  isConst,
  isPacketAccess,
  opTable,
  packetOffset,
  signed,
  type Value,
} from '../ir/index.js';
import type { Location, MapCell } from '../object/index.js';
import { type FieldContext, fieldAt } from '../packet/index.js';
import { helperName, xdpMdFields } from '../platform/index.js';
import { type Bit, indexOf, isInverted, pointeeOf, type Source, sourceOf } from './bits.js';
import { type ByteRun, formatField, networkPosition, reverseBytes, runOf, weight } from './byte-run.js';
import { leavesOf, weigh } from './computation-size.js';
import { type Computation, computationLines } from './computation-words.js';
import type { Facts } from './facts.js';
import { type Extent, type KeyField, keyText } from './key-text.js';
import { operationWords, partsOf } from './operation-words.js';
import { masked, scaled, type Words, zerosBelow } from './words.js';

/** Names that the trace's program gives. */
export interface TraceNames {
  map(index: number): string;
  program(index: number): string;
  /** Bytes of an element of a map: `.last_seen`, or undefined. */
  value?(map: number, offset: number, width: number): string | undefined;
  /** The bit field that lies just there in an element of a map: bits are counted from its beginning, lowest first. */
  valueBits?(map: number, bit: number, size: number): string | undefined;
  /** The same of the bytes of a cell. */
  locationBits?(cell: MapCell, bit: number, size: number): string | undefined;
  /** An element, a key, a link of a map. */
  cell?(cell: MapCell): string;
  /** Bytes of a map by their location. */
  location?(at: Location, width: number): string;
  /** The field of an element that holds the byte at `offset`. */
  valueField?(map: number, offset: number): Extent | undefined;
  /** The field that holds the byte at a location; its offset counts from the same cell. */
  locationField?(at: Location): Extent | undefined;
  /** The field of a map's key that holds the byte at `offset`, and how people write it. */
  keyField?(map: number, offset: number): KeyField | undefined;
}

/** What bytes of a map are counted from. */
interface Pointee {
  readonly map: number;
  readonly cell: MapCell | undefined;
}

/** Longest expression that is printed in full, in operations. */
const maxOperations = 12;

/**
 * Operations whose equations one condition gives. Four rounds of a hash are readable, hundreds of lines are not, and
 * writing them is most of what printing such a condition costs.
 */
const maxWritten = 512;

/** How often an address that depends on bytes at such an address is spelt out; each time its text may double. */
const maxNestedOffsets = 3;

/** What names go by besides the facts that are put into words; several describers may share it. */
export interface Naming {
  /**
   * A field is named by what is known of the bytes before it: `tcp.dport` where the protocol is TCP. Shares its
   * sources with the facts.
   */
  readonly known: Facts;
  /** Look-ups that have been spoken of. */
  readonly aliases: Map<Value, string>;
  /** Long computations that have been spoken of. */
  readonly computed: Map<Value, string>;
}

/** For one description, or several that are read one after another. */
export function newNaming(known: Facts): Naming {
  return { known, aliases: new Map(), computed: new Map() };
}

/** Puts values of one recording into words. `names` knows maps, programs and structures. */
export class Describer {
  readonly facts: Facts;
  readonly names: TraceNames;
  private readonly context: FieldContext;
  private readonly known: Facts;
  private readonly aliases: Map<Value, string>;
  private readonly computed: Map<Value, string>;
  private nestedOffsets = 0;

  constructor(facts: Facts, names: TraceNames, naming: Naming = newNaming(facts)) {
    this.facts = facts;
    this.names = names;
    this.known = naming.known;
    this.aliases = naming.aliases;
    this.computed = naming.computed;
    // The packet's own bytes are the source without a base.
    this.context = {
      value: (offset, width, mask) => this.knownNumber(offset, width, mask),
    };
  }

  /** Required packet bits as a number, or undefined if one of the masked bits is not required. */
  private knownNumber(offset: number, width: number, mask: number): number | undefined {
    let value = 0;
    for (let i = 0; i < width; i++) {
      const wanted = Math.floor(mask / 256 ** (width - 1 - i)) % 256;
      let byte = 0;
      for (let b = 7; b >= 0; b--) {
        if (((wanted >> b) & 1) === 0) continue;
        const bit = this.packetBit((offset + i) * 8 + b);
        const known = bit === undefined ? undefined : this.known.required.get(bit);
        if (known === undefined) return undefined;
        byte |= known << b;
      }
      value = value * 256 + byte;
    }
    return value;
  }

  /** As makeBit; a packet byte may never have been a source, and then there is nothing to say of it. */
  private packetBit(index: number): Bit | undefined {
    const source = this.facts.sources.sources.findIndex(
      (candidate) => candidate.kind === 'packet' && candidate.base === undefined,
    );
    return source < 0 ? undefined : 2 + (source * 2 ** 24 + index + 2 ** 22) * 2;
  }

  source(bit: Bit): Source {
    return this.facts.sources.sources[sourceOf(bit)] as Source;
  }

  /** `x`: a number whose bits, least significant first, are these. */
  subject(bits: readonly Bit[]): Words {
    return this.whole(bits) ?? { text: `bits(${bits.map((bit) => this.bit(bit)).join(' ')})`, format: 'hex' };
  }

  /** The same, if all bits are of one source and in order. */
  private whole(bits: readonly Bit[]): Words | undefined {
    const first = bits[0] as Bit;
    const source = this.source(first);
    const number = sourceOf(first);
    const plainBits = bits.every((bit) => sourceOf(bit) === number && !isInverted(bit));
    if (plainBits && source.kind === 'value') return this.partOf(source.value, bits);
    if (plainBits && source.kind !== 'value') {
      const network = bits.map((bit) => networkPosition(indexOf(bit)));
      if (network.every((position, i) => position === (network[0] as number) - i)) return this.run(source, runOf(bits));
      const start = indexOf(first);
      if (start % 8 === 0 && bits.every((bit, i) => indexOf(bit) === start + i)) {
        const words = this.run(source, runOf(bits));
        if (source.kind === 'map') return words;
        return { text: `le${bits.length}(${words.text})`, format: 'dec' };
      }
    }
    return undefined;
  }

  /**
   * Bits of a value that is a source itself, in order: all of it, what a shift and a mask leave of it, or the number
   * that its lowest bits are with a sign.
   */
  private partOf(value: Value, bits: readonly Bit[]): Words | undefined {
    const start = indexOf(bits[0] as Bit);
    const last = bits.at(-1) as Bit;
    let width = 1;
    while (width < bits.length && indexOf(bits[width] as Bit) === start + width) width++;
    const text = (): string => this.expression(value);
    if (width < bits.length) {
      // Of a number with a sign the topmost bit goes on.
      const isSigned = bits.slice(width - 1).every((bit) => bit === last);
      return isSigned && start === 0 && (width === 8 || width === 16 || width === 32)
        ? { text: `(s${width})${text()}`, format: 'dec' }
        : undefined;
    }
    const above = this.facts.sources.opaque(value).slice(start + width);
    const isAll = above.every((bit) => bit === 0 || this.known.valueOf(bit) === 0);
    const shifted = start === 0 ? text() : `(${text()} >> ${start})`;
    return { text: isAll ? shifted : `(${shifted} & 0x${((1n << BigInt(width)) - 1n).toString(16)})`, format: 'dec' };
  }

  /** One bit: `pkt[12:1].3`, inverted with `~`. */
  private bit(bit: Bit): string {
    const source = this.source(bit);
    const index = indexOf(bit);
    const not = isInverted(bit) ? '~' : '';
    if (source.kind === 'value') return `${not}${this.expression(source.value)}.${index}`;
    return `${not}${this.place(source, Math.floor(index / 8), 1)}.${index % 8}`;
  }

  /** A run of bytes by name, with a mask where not all bits are meant. */
  run(source: Source, asked: ByteRun): Words {
    const run = source.kind === 'packet' ? this.wholeField(source, asked) : asked;
    const every = (1n << BigInt(8 * run.width)) - 1n;
    if (source.kind === 'packet') {
      const base = this.baseOf(source);
      if (base !== undefined && run.width <= 16) {
        const mask = run.mask === every ? undefined : Number(run.mask);
        const named = fieldAt(base + run.offset, run.width, this.context, mask);
        if (named !== undefined) return { text: named.name, format: named.format, isPart: mask !== undefined };
        const field = mask === undefined ? undefined : fieldAt(base + run.offset, run.width, this.context);
        if (field !== undefined)
          return this.restIsZero(source, run) ? { text: field.name, format: field.format } : masked(field.name, run);
      }
    }
    if (run.mask === every) return { text: this.place(source, run.offset, run.width), format: 'hex' };
    const part = source.kind === 'map' ? this.bitField(source, run) : undefined;
    if (part !== undefined) return { text: part, format: 'dec', isPart: true };
    // Map values are numbers in the byte order of the host.
    const whole = source.kind === 'map' ? this.widen(source, run) : run;
    const shown = whole.offset === run.offset ? whole : run;
    const mask = source.kind === 'map' ? reverseBytes(shown.mask, shown.width) : shown.mask;
    return masked(this.place(source, shown.offset, shown.width), { ...shown, mask });
  }

  /**
   * Bits of an IP address that are not all of it, and the number that they are: a prefix as people write it
   * (`ip.src`, `10.0.0.0/8`), else a masked address. Undefined for whole addresses and all else.
   */
  addressPart(
    source: Source,
    run: ByteRun,
    number: bigint,
  ): { readonly text: string; readonly number: string } | undefined {
    const base = source.kind === 'packet' ? this.baseOf(source) : undefined;
    if (base === undefined) return undefined;
    const field = fieldAt(base + run.offset, 1, this.context);
    if (field === undefined || (field.format !== 'ipv4' && field.format !== 'ipv6')) return undefined;
    const { format, width } = field;
    const behind = BigInt(8 * (field.offset + width - (base + run.offset + run.width)));
    const mask = run.mask << behind;
    const every = (1n << BigInt(8 * width)) - 1n;
    if (behind < 0n || mask === every) return undefined;
    const name = field.name.replace(/\[.*$/, '');
    const written = formatField(number << behind, format, width);
    const zeros = zerosBelow(mask);
    if (mask === every - (every >> BigInt(8 * width - zeros)))
      return { text: name, number: `${written}/${8 * width - zeros}` };
    return { text: `(${name} & ${formatField(mask, format, width)})`, number: written };
  }

  /** Some bits of a number in the packet as bits of all of it: `(tcp.win & 0xfc00)`, whichever bytes were read. */
  private wholeField(source: Source & { readonly kind: 'packet' }, run: ByteRun): ByteRun {
    const base = run.mask === (1n << BigInt(8 * run.width)) - 1n ? undefined : this.baseOf(source);
    const field = base === undefined ? undefined : fieldAt(base + run.offset, 1, this.context);
    if (base === undefined || field === undefined || field.width > 4) return run;
    if (field.format !== 'dec' && field.format !== 'hex') return run;
    const behind = field.offset + field.width - (base + run.offset + run.width);
    if (behind < 0 || field.width <= run.width) return run;
    return { offset: field.offset - base, width: field.width, mask: run.mask << BigInt(8 * behind) };
  }

  /**
   * The bits of a packet's bytes that are not meant are known to be zero, and so is what is meant the number that the
   * bytes are: one thing has one name, whatever the condition has found out about it meanwhile.
   */
  private restIsZero(source: Source, run: ByteRun): boolean {
    if (source.kind !== 'packet' || source.base !== undefined || (run.mask & 1n) === 0n) return false;
    for (let at = 0; at < 8 * run.width; at++) {
      if (((run.mask >> BigInt(at)) & 1n) === 1n) continue;
      const byte = run.offset + run.width - 1 - Math.floor(at / 8);
      const bit = this.packetBit(8 * byte + (at % 8));
      if (bit === undefined || this.known.valueOf(bit) !== 0) return false;
    }
    return true;
  }

  /** Are these bits of a source all of what has a name, and not all of the bytes that they lie in? */
  isNamedPart(source: Source, bits: readonly Bit[]): boolean {
    return this.run(source, runOf(bits)).isPart === true;
  }

  /** A bit field of a map's value by name, where these bits are all of it. */
  private bitField(source: Source & { readonly kind: 'map' }, run: ByteRun): string | undefined {
    const mask = reverseBytes(run.mask, run.width);
    const low = zerosBelow(mask);
    const size = (mask >> BigInt(low)).toString(2).length;
    if (mask >> BigInt(low) !== (1n << BigInt(size)) - 1n) return undefined;
    const first = 8 * (source.start + run.offset) + low;
    const { base, cell, map } = source;
    if (base === undefined) return cell === undefined ? undefined : this.names.locationBits?.(cell, first, size);
    if (base.op !== 'lookup') return undefined;
    const path = this.names.valueBits?.(map, first, size);
    return path === undefined ? undefined : `${this.expression(base)}.value${path}`;
  }

  /** The whole field that some bits of a map's bytes are part of. */
  private widen(source: Source, run: ByteRun): ByteRun {
    const field = this.fieldOf(source, run.offset);
    const behind = field.offset + field.width - (run.offset + run.width);
    if (!field.isNamed || behind < 0) return run;
    return { offset: field.offset, width: field.width, mask: run.mask << BigInt(8 * behind) };
  }

  /**
   * What to add to an offset behind this base to get one from the start: known for the packet itself and for a base
   * that is a header length.
   */
  private baseOf(source: Source & { readonly kind: 'packet' }): number | undefined {
    if (source.base === undefined) return 0;
    const bits = this.remaining(source.base);
    const known = constantOf(bits);
    if (known !== undefined) return Number(known);
    // (byte & 0xf) << 2 is an IPv4 header length: names go by one without options.
    const nibble = bits.slice(2, 6);
    const start = nibble[0];
    if (
      start === undefined ||
      start < 2 ||
      !bits.every((bit, i) => (i >= 2 && i < 6 ? bit === start + 2 * (i - 2) : bit === 0))
    )
      return undefined;
    const from = this.source(start);
    return from.kind === 'packet' && from.base === undefined && indexOf(start) % 8 === 0 ? 20 : undefined;
  }

  /** What a long computation depends on, each once. */
  private inputs(value: Value): string[] {
    const words = leavesOf(value).leaves.map((leaf) => this.expression(leaf).replace(/^le\d+\((.*)\)$/, '$1'));
    return [...new Set(words)];
  }

  /** The bits of a value, with those that the condition fixes as constants. */
  private remaining(value: Value): Bit[] {
    return this.facts.sources.bitsOf(value).map((bit) => this.known.valueOf(bit) ?? bit);
  }

  /** Bytes of a source: of the packet at a fixed or computed offset, or of a map's value by its path. */
  private place(source: Source, offset: number, width: number): string {
    if (source.kind === 'packet') {
      if (source.base === undefined) return `pkt[${offset}:${width}]`;
      const known = constantOf(this.remaining(source.base));
      if (known !== undefined) return `pkt[${known + BigInt(offset)}:${width}]`;
      return `pkt[${this.offset(source.base)} + ${offset}:${width}]`;
    }
    if (source.kind === 'map') {
      const at = source.start + offset;
      if (source.base === undefined) return this.cellBytes(source, at, width);
      if (source.base.op !== 'lookup') return this.behind(source, source.base, at, width);
      const path = this.names.value?.(source.map, at, width) ?? `[${at}:${width}]`;
      return `${this.expression(source.base)}.value${path}`;
    }
    return this.expression(source.value);
  }

  /** Bytes of a cell by name: `rows[0].count`. */
  private cellBytes({ map, cell }: Pointee, offset: number, width: number): string {
    const named = cell === undefined ? undefined : this.names.location?.({ ...cell, offset }, width);
    return named ?? `${this.names.map(map)}[${offset}:${width}]`;
  }

  /** Bytes at a computed distance from a cell: `*(&rows[0].count + f1 * 8)`. */
  private behind(from: Pointee, distance: Value, offset: number, width: number): string {
    return `*(&${this.cellBytes(from, offset, width)} + ${this.offset(distance)})`;
  }

  /** A computed offset. Offsets may be loads at computed offsets again (headers behind headers); deep ones are cut. */
  private offset(base: Value): string {
    if (this.nestedOffsets === maxNestedOffsets) return '...';
    this.nestedOffsets++;
    const text = this.expression(base);
    this.nestedOffsets--;
    return text;
  }

  /** Bits of bytes that are all wanted, as a masked run; bits of other sources are left to the caller. */
  value(bits: readonly Bit[], values: readonly number[]): { readonly run: ByteRun; readonly number: bigint } {
    const source = this.source(bits[0] as Bit);
    const own = runOf(bits);
    const run =
      source.kind === 'map' ? this.widen(source, own) : source.kind === 'packet' ? this.wholeField(source, own) : own;
    let number = 0n;
    for (const [i, bit] of bits.entries()) {
      if (values[i] === 1) number |= 1n << BigInt(weight(run, indexOf(bit)));
    }
    return { run, number };
  }

  /** `asked`: the value is what is spoken of, so that what it is known to be is not put in its place. */
  expression(value: Value, asked = false): string {
    const chosen = this.chosen(value);
    if (chosen !== undefined) return this.expression(chosen);
    return this.brief(value, asked) ?? this.computation(value);
  }

  /** The side of a join that the condition leaves, if it leaves one only. */
  private chosen({ op, args }: Value): Value | undefined {
    const side = op === 'select' ? this.known.decide(args[0] as Value) : undefined;
    return side === undefined ? undefined : args[side ? 1 : 2];
  }

  /**
   * Words for what needs no computation: constants, fields, look-ups; undefined for the rest. `writesOut`: bits of
   * computed values are the rest, too.
   */
  private brief(value: Value, asked = false, writesOut = false): string | undefined {
    if (isConst(value)) return formatConstant(value.imm);
    switch (value.op) {
      case 'len':
        return 'len';
      case 'metalen':
        return 'meta_len';
      case 'ctx':
        return `ctx.${xdpMdFields[Number(value.imm) / 4] ?? Number(value.imm)}`;
      case 'env':
        return helperName(Number(value.imm))?.slice(4) ?? 'env';
      case 'ptr':
        return `&pkt[${this.offset(value.args[0] as Value)}]`;
      case 'context':
        return '&ctx';
      case 'map':
        return `&${this.names.map(Number(value.imm))}`;
      case 'frame':
        return 'fp';
      case 'lookup':
        return this.lookup(value);
      case 'slot':
        return value.detail?.kind === 'slot'
          ? `${this.names.map(value.detail.map)}[${this.offset(value.args[0] as Value)}]`
          : 'slot';
      case 'call':
        return value.detail?.kind === 'call' ? `${value.detail.name}()` : 'call';
      case 'atomic':
        return 'fetched';
      default:
        break;
    }
    const cell = cellOf(value);
    if (cell !== undefined) return `&${this.names.cell?.(cell) ?? this.names.map(cell.map)}`;
    const all = this.facts.sources.bitsOf(value);
    const bits = asked ? all : this.remaining(value);
    const constant = constantOf(bits);
    if (constant !== undefined) return formatConstant(constant);
    // Bits that are known by now do not take its name from it.
    const words = this.wordsOf(value, all, writesOut) ?? this.wordsOf(value, bits, writesOut);
    if (words !== undefined) return words;
    if (value.op === 'load') {
      const detail = value.detail;
      const base = value.args[0] as Value;
      // What the trace itself may have changed before.
      if (detail?.kind === 'memory' && detail.space === 'map' && base.op === 'lookup') {
        const offset = Number(value.imm);
        const path = this.names.value?.(detail.map, offset, detail.size) ?? `[${offset}:${detail.size}]`;
        return `${this.expression(base)}.value${path}'`;
      }
      if (detail?.kind === 'memory' && detail.space === 'map') {
        const { cell, rest } = pointeeOf(base);
        const from = { map: detail.map, cell };
        const offset = Number(value.imm);
        if (rest !== undefined) return `${this.behind(from, rest, offset, detail.size)}'`;
        return `${this.cellBytes(from, offset, detail.size)}'`;
      }
      const isPacket = isPacketAccess(value);
      const where = isPacket ? 'pkt' : detail?.kind === 'memory' ? detail.space : 'mem';
      const from = isPacket ? packetOffset(value) : base;
      const distance = signed(value.imm);
      const sign = distance < 0n ? '-' : '+';
      const at = isConst(from) ? `${distance}` : `${this.offset(from)} ${sign} ${distance < 0n ? -distance : distance}`;
      const size = detail?.kind === 'memory' ? detail.size : 0;
      return where === 'stack' ? `*(u${8 * size} *)(${at})` : `${where}'[${at}:${size}]`;
    }
    return undefined;
  }

  /** Bits with zeros above and below that are one thing with a name, as a number. */
  private wordsOf(value: Value, bits: readonly Bit[], writesOut: boolean): string | undefined {
    let top = 64;
    while (top > 0 && bits[top - 1] === 0) top--;
    let zeros = 0;
    while (zeros < top && bits[zeros] === 0) zeros++;
    const own = bits.slice(zeros, top);
    if (own.length === 0 || own.some((bit) => bit < 2)) return undefined;
    const source = this.source(own[0] as Bit);
    if (source.kind === 'value' && (source.value === value || (writesOut && opTable[source.value.op].kind === 'pure')))
      return undefined;
    const words = this.whole(own);
    return words === undefined ? undefined : scaled(words, zeros);
  }

  /**
   * A short computation in full; a long one by name, `f1`, and where it is first spoken of with what it depends on.
   */
  private computation(value: Value): string {
    if (weigh(value, maxOperations) < 0) {
      const known = this.computed.get(value);
      if (known !== undefined) return known;
      const name = `f${this.computed.size + 1}`;
      this.computed.set(value, name);
      return `${name}(${this.inputs(value).join(', ')})`;
    }
    const args = partsOf(value).map((arg) => this.expression(arg));
    const sum = value.op === 'add' ? sumOf(args) : undefined;
    return sum === undefined ? operationWords(value, args) : formatConstant(sum);
  }

  /**
   * What the names of long computations stand for. One that is longer than what is left of {@link maxWritten} is told
   * by its size and what it depends on.
   */
  computations(): Computation[] {
    // A line may bring up another one.
    const done: Computation[] = [];
    let left = maxWritten;
    for (const [value, name] of this.computed) {
      const { size } = leavesOf(value);
      if (size > left) {
        done.push({ name, text: `${size} operations on ${this.inputs(value).join(', ')}` });
        continue;
      }
      left -= size;
      done.push(
        ...computationLines(
          value,
          name,
          (part) => (part === value ? undefined : this.computed.get(part)) ?? this.brief(part, false, true),
        ),
      );
    }
    return done;
  }

  /**
   * `flows[ip.src]` where it is first spoken of, `flows` from then on; the second look-up in the same map is
   * `flows#2`.
   */
  private lookup(value: Value): string {
    const known = this.aliases.get(value);
    if (known !== undefined || value.detail?.kind !== 'lookup') return known ?? 'lookup';
    const name = this.names.map(value.detail.map);
    const key = keyText(this, value);
    const before = [...this.aliases.keys()].filter(
      (other) => other.detail?.kind === 'lookup' && other.detail.map === (value.detail as { map: number }).map,
    ).length;
    const alias = before === 0 ? name : `${name}#${before + 1}`;
    this.aliases.set(value, alias);
    return `${alias}[${key}]`;
  }

  /** The named field that holds a byte of a packet or map value, or the byte alone. */
  fieldOf(source: Source, offset: number): Extent & { readonly isNamed: boolean } {
    if (source.kind === 'map') {
      const at = source.start + offset;
      const { names } = this;
      const field =
        source.base !== undefined
          ? names.valueField?.(source.map, at)
          : source.cell === undefined
            ? undefined
            : names.locationField?.({ ...source.cell, offset: at });
      if (field !== undefined) return { offset: field.offset - source.start, width: field.width, isNamed: true };
    }
    if (source.kind === 'packet') {
      const base = this.baseOf(source);
      const named = base === undefined ? undefined : fieldAt(base + offset, 1, this.context);
      if (named !== undefined && base !== undefined)
        return { offset: named.offset - base, width: named.width, isNamed: true };
    }
    return { offset, width: 1, isNamed: false };
  }
}

/** The number that bits are which are all known. */
function constantOf(bits: readonly Bit[]): bigint | undefined {
  if (!bits.every((bit) => bit < 2)) return undefined;
  return bits.reduce((sum, bit, i) => sum | (BigInt(bit) << BigInt(i)), 0n);
}

/** What two numbers as they are printed come to. */
function sumOf(texts: readonly string[]): bigint | undefined {
  if (!texts.every((text) => /^(?:\d+|0x[0-9a-f]+)$/.test(text))) return undefined;
  return BigInt.asUintN(
    64,
    texts.reduce((sum, text) => sum + BigInt(text), 0n),
  );
}

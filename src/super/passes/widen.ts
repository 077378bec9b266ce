/**
 * Accesses of neighbours become one. Within a block, with [p] a place, w a width in bytes, and no write between that
 * could meet what is moved:
 *
 *     [p]w = c, [p+w]w = d                          -> [p]2w = c | d << 8w
 *     [p]w = c, [p+k]v = d, a part of it            -> [p]w = c with d in its place
 *     [p]w = x, [p+w]w = x >> 8w                    -> [p]2w = x
 *     [p+w]w = 0, ..., [p]w = x < 2^8w, own frame  -> [p]2w = x
 *     x = [q]w, y = [q+w]w, [p]w = x, [p+w]w = y    -> z = [q]2w, [p]2w = z
 *     x = [q]w, y = [q+w]w, x | y << 8w             -> [q]2w
 *     x = [q]w, y = [q+w]w, x << 8w | y             -> swap [q]2w
 *
 * Again and again, so bytes become words. Stack accesses stay aligned, as Linux wants them; others need not be: the
 * verifier asks for it on machines only that cannot do otherwise. The context is left alone, since its fields are not
 * memory, but for what it has for the program's own use (`cb` of `struct __sk_buff`).
 */
import { type Insn, insnClass, isCall, op } from '../../isa/index.js';
import type { Demand, Demands } from '../demand.js';
import { accessOf, isAlu, isLoad, isStore, reads, writes } from '../effects.js';
import { copyState, covers, type Flow, mayMeet, type Place, placeKey, type State } from '../flow.js';
import type { Block, FunctionCode, Op } from '../function-code.js';
import { byteSource, constantOf, sameSource, type Value } from '../values.js';
import { blockByBlock } from './block-by-block.js';
import type { PassContext } from './pass.js';

/** The pass: a joined pair may be half of a wider one, so it goes round until nothing is joined. */
export function widen(code: FunctionCode, context: PassContext): boolean {
  return blockByBlock(code, (block, entry, flow, demands) => {
    if (!block.ops.some(({ insn }) => isStore(insn) || (isAlu(insn) && (insn.code & 0xf0) === op.OR))) return false;
    return new BlockWidener(flow, demands, block, context, code.plainContext).run(entry);
  });
}

/** A store in the block, with what it stores and where. */
interface Store {
  readonly at: number;
  readonly place: Place;
  readonly value: Value;
}

/** Bytes to the size bits of an opcode (RFC 9669, section 5). */
const sizeBits: ReadonlyMap<number, number> = new Map([
  [1, op.SIZE_B],
  [2, op.SIZE_H],
  [4, op.SIZE_W],
  [8, op.SIZE_DW],
]);

/** Joins accesses of one block; every change starts the search anew. */
class BlockWidener {
  private readonly flow: Flow;
  private readonly demands: Demands;
  private readonly block: Block;
  private readonly context: PassContext;
  private readonly plainContext: readonly [number, number] | undefined;
  /** Before each op. */
  private states: State[] = [];
  private places: (Place | undefined)[] = [];
  private behind: readonly Demand[] | undefined;

  constructor(
    flow: Flow,
    demands: Demands,
    block: Block,
    context: PassContext,
    plainContext: readonly [number, number] | undefined,
  ) {
    this.plainContext = plainContext;
    this.flow = flow;
    this.demands = demands;
    this.block = block;
    this.context = context;
  }

  /** One change, the first that is found. */
  run(entry: State): boolean {
    if (!this.mayJoin(copyState(entry))) return false;
    const state = copyState(entry);
    this.states = [];
    for (const each of this.block.ops) {
      this.states.push(copyState(state));
      this.places.push(this.flow.placeOf(state, each));
      this.flow.step(state, each);
    }
    this.states.push(state);
    return this.joinLoads() || this.joinSwapped() || this.joinStores();
  }

  /** A first look, without keeping what is known before each op: most blocks have nothing that could be joined. */
  private mayJoin(state: State): boolean {
    const { flow } = this;
    const places: Place[] = [];
    for (const each of this.block.ops) {
      if (isAlu(each.insn) && (each.insn.code & 0xf0) === op.OR) return true;
      const place = isStore(each.insn) ? flow.placeOf(state, each) : undefined;
      if (place !== undefined) {
        const rest: Place = { ...place, off: place.off + place.size };
        if (place.region === 'stack' && place.size < 8 && this.isZeroIn(state, rest)) return true;
        const isNear = (other: Place): boolean =>
          (other.size === place.size && Math.abs(other.off - place.off) === place.size) || covers(other, place);
        if (places.some((other) => other.base === place.base && isNear(other))) return true;
        places.push(place);
      }
      flow.step(state, each);
    }
    return false;
  }

  /**
   * Linux follows the stack by aligned slots. Of other memory it asks for that only where the machine or the loader
   * does; then it counts from where it knows that things begin: values of maps at 8, packets 2 bytes behind
   * (`NET_IP_ALIGN`, check_pkt_ptr_alignment of kernel/bpf/verifier.c).
   */
  private isAligned({ region, base, off }: Place, size: number): boolean {
    if (region === 'stack' || region === 'any' || region === 'ctx') return off % size === 0;
    if (!this.context.aligned) return true;
    const name = this.flow.values.atomNamed(base);
    if (region === 'packet') return name === 'load4' && (off + 2) % size === 0;
    return region === 'map' && name === 'mapvalue' && off % size === 0;
  }

  /** Is it what was stored there, whatever the width? The context is, where programs have it for their own use. */
  private isMemory({ region, off, size }: Place): boolean {
    if (region !== 'ctx') return true;
    const [from, to] = this.plainContext ?? [0, 0];
    return off >= from && off + size <= to;
  }

  private op(at: number): Op {
    return this.block.ops[at] as Op; // callers pass indexes of ops
  }

  private state(at: number): State {
    return this.states[at] as State; // likewise
  }

  /** x | y << 8w of two neighbours in memory. */
  private joinLoads(): boolean {
    const { values } = this.flow;
    for (const [at, each] of this.block.ops.entries()) {
      if (!isAlu(each.insn) || (each.insn.code & 0xf0) !== op.OR || each.pinned) continue;
      const value = this.state(at + 1).regs[each.insn.dst] as Value; // 11 registers
      for (const size of [8, 4, 2]) {
        if (size < 8 && value.ones >= 1n << BigInt(8 * size)) continue;
        const place = this.memoryBytes(
          at,
          Array.from({ length: size }, (_, i) => byteSource(values, value, i)),
        );
        const insn = place === undefined ? undefined : this.loadFrom(at, place, each.insn.dst, size);
        if (place === undefined || insn === undefined || !this.context.allow(each)) continue;
        this.block.ops = this.block.ops.with(at, { ...each, insn, region: place.region });
        return true;
      }
    }
    return false;
  }

  /** The same in network byte order; the widest first, since parts of it are no longer bytes in memory then. */
  private joinSwapped(): boolean {
    const { values } = this.flow;
    for (const [at, each] of [...this.block.ops.entries()].reverse()) {
      if (!isAlu(each.insn) || (each.insn.code & 0xf0) !== op.OR || each.pinned) continue;
      const { dst } = each.insn;
      const value = this.state(at + 1).regs[dst] as Value; // 11 registers
      for (const size of [8, 4, 2]) {
        if (size < 8 && value.ones >= 1n << BigInt(8 * size)) continue;
        const bytes = Array.from({ length: size }, (_, i) => byteSource(values, value, size - 1 - i));
        const place = this.memoryBytes(at, bytes);
        const load = place === undefined ? undefined : this.loadFrom(at, place, dst, size);
        if (place === undefined || load === undefined) continue;
        const swap = { code: op.ALU | op.END | op.X, dst, src: 0, off: 0, imm: 8 * size };
        if (this.replace(at, -1, [load, swap], place.region)) return true;
      }
    }
    return false;
  }

  /** A place whose bytes are these sources, one after the other, as it is known before `at`. */
  private memoryBytes(at: number, sources: readonly ReturnType<typeof byteSource>[]): Place | undefined {
    const { mem } = this.state(at);
    let first: Place | undefined;
    for (const [i, source] of sources.entries()) {
      if ('byte' in source) return undefined;
      let found: Place | undefined;
      for (const known of mem.values()) {
        if (known.value !== source.value || source.index >= known.size || known.region === 'ctx') continue;
        const off = known.off + source.index;
        if (
          first === undefined ||
          (known.base === first.base && off === first.off + i && known.region === first.region)
        ) {
          found = { ...known, off };
          break;
        }
      }
      if (found === undefined) return undefined;
      first ??= found;
    }
    return first === undefined
      ? undefined
      : { region: first.region, base: first.base, off: first.off, size: sources.length };
  }

  /** A load of a place by a register that holds its base before `at`. */
  private loadFrom(at: number, place: Place, dst: number, size: number): Insn | undefined {
    const base = this.baseAt(at, place);
    if (base === undefined || !this.isAligned(place, size)) return undefined;
    return { code: op.LDX | op.MODE_MEM | (sizeBits.get(size) ?? 0), dst, src: base.register, off: base.off, imm: 0 };
  }

  /** A register, and what is to be added to it, that leads to the place. */
  private baseAt(at: number, place: Place): { readonly register: number; readonly off: number } | undefined {
    const { regs } = this.state(at);
    for (const register of [10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const value = regs[register];
      if (value === undefined || value.base !== place.base) continue;
      const off = place.off - Number(BigInt.asIntN(64, value.offset));
      if (off >= -0x8000 && off <= 0x7fff) return { register, off };
    }
    return undefined;
  }

  /** Looks for two neighbours whose stores can be one. */
  private joinStores(): boolean {
    const stores = this.stores();
    const pairs: [Store, Store][] = [];
    for (const low of stores) {
      for (const high of stores) {
        const { place } = low;
        const isNext =
          high.place.base === place.base &&
          high.place.region === place.region &&
          high.place.off === place.off + place.size &&
          high.place.size === place.size;
        if (isNext && place.size < 8) pairs.push([low, high]);
      }
    }
    // Wide and aligned ones first: what is left over then is at the ends.
    const rank = ([low]: [Store, Store]): number => (low.place.off % (2 * low.place.size) === 0 ? 0 : 1);
    pairs.sort((a, b) => rank(a) - rank(b) || a[0].place.size - b[0].place.size || a[0].place.off - b[0].place.off);
    return (
      pairs.some(([low, high]) => this.join(low, high)) ||
      this.joinPart(stores) ||
      stores.some((store) => this.grow(store, stores))
    );
  }

  /** A number that fills its place, stored to the frame in front of bytes that are 0: as a wider one. */
  private grow({ at, place, value }: Store, stores: readonly Store[]): boolean {
    const each = this.op(at);
    const { off, size } = place;
    const wide: Place = { ...place, size: 2 * size };
    const rest: Place = { ...place, off: off + size };
    if (place.region !== 'stack' || size === 8 || !this.isAligned(wide, 2 * size)) return false;
    const isNumber = insnClass(each.insn) === op.ST;
    const isFull = isNumber ? each.insn.imm >= 0 : value.ones < 1n << BigInt(8 * size);
    const isMet = stores.some(
      (other) => other.at !== at && other.place.size <= size && mayMeet(other.place, rest, false),
    );
    if (!isFull || isMet || !this.isZero(at, rest) || !this.isAsked(at, rest)) return false;
    const { cls, src, imm } = { cls: insnClass(each.insn), src: each.insn.src, imm: each.insn.imm };
    const insn = this.store(at, wide, { cls, src, imm });
    return insn !== undefined && this.replace(at, -1, [insn], place.region);
  }

  /** Is the place known to hold 0 before `at`? */
  private isZero(at: number, place: Place): boolean {
    return this.isZeroIn(this.state(at), place);
  }

  private isZeroIn(state: State, place: Place): boolean {
    const constant = this.flow.constantAt(state, place);
    return constant !== undefined && constantOf(constant) === 0n;
  }

  /** Does anyone read it later? Else what made it 0 goes by itself. */
  private isAsked(at: number, place: Place): boolean {
    this.behind ??= this.demands.behind(this.block);
    const bytes = this.demands.bytesOf(place);
    return bytes !== undefined && ((this.behind[at]?.stack ?? 0n) & bytes) === bytes;
  }

  /** A constant that is stored over a part of an earlier one: stored with it. */
  private joinPart(stores: readonly Store[]): boolean {
    return stores.some((whole) =>
      stores.some((part) => {
        const { place } = whole;
        const [a, b] = [constantOf(whole.value), constantOf(part.value)];
        const isPart =
          place.region !== 'ctx' && part.at > whole.at && part.place.size < place.size && covers(place, part.place);
        if (!isPart || a === undefined || b === undefined || !this.mayMove(part.at, whole.at)) return false;
        const shift = BigInt(8 * (part.place.off - place.off));
        const mask = ((1n << BigInt(8 * part.place.size)) - 1n) << shift;
        const all = BigInt.asUintN(8 * place.size, (a & ~mask) | ((b << shift) & mask));
        const imm = BigInt.asIntN(32, all);
        if (place.size === 8 && BigInt.asUintN(64, imm) !== all) return false;
        const insn = this.store(whole.at, place, { cls: op.ST, src: 0, imm: Number(place.size >= 4 ? imm : all) });
        return insn !== undefined && this.replace(whole.at, part.at, [insn], place.region);
      }),
    );
  }

  /** Stores whose place is known. Those to the context are what the kernel rewrites, one by one. */
  private stores(): Store[] {
    const found: Store[] = [];
    for (const [at, each] of this.block.ops.entries()) {
      const place = this.places[at];
      if (!isStore(each.insn) || each.pinned || place === undefined || !this.isMemory(place)) continue;
      if (place.region === 'any' && each.region === undefined) continue;
      const { insn } = each;
      const stored =
        insnClass(insn) === op.ST ? this.flow.values.constant(BigInt(insn.imm)) : this.state(at).regs[insn.src];
      if (stored !== undefined) found.push({ at, place, value: stored });
    }
    return found;
  }

  /** Joins two stores, if nothing between them may read or write what moves. */
  private join(low: Store, high: Store): boolean {
    const size = 2 * low.place.size;
    const place: Place = { ...low.place, size };
    if (!this.isAligned(place, size)) return false;
    const first = Math.min(low.at, high.at);
    const last = Math.max(low.at, high.at);
    for (const at of [first, last]) {
      const other = at === first ? last : first;
      if (!this.mayMove(other, at)) continue;
      if (this.joinConstants(low, high, at, other) || this.joinRegister(low, high, at, other)) return true;
      if (this.joinCopy(low, high, at, other)) return true;
    }
    return false;
  }

  /** May the store at `from` be done at `to` instead? */
  private mayMove(from: number, to: number): boolean {
    const moved = this.places[from];
    if (moved === undefined) return false;
    const start = Math.min(from, to);
    for (let at = start; at <= Math.max(from, to); at++) {
      if (at === from) continue;
      const { insn } = this.op(at);
      // The end of the way is the other store, with which it is joined.
      const place = this.places[at];
      if (isCall(insn)) return false;
      if (place !== undefined && at !== to && mayMeet(place, moved, this.flow.escaped)) return false;
      if (accessOf(insn) === undefined && !isAlu(insn) && insn.code !== op.LDDW) return false;
    }
    return true;
  }

  /** A store of the joined width, if some register still holds a base for it there. */
  private store(
    at: number,
    place: Place,
    value: Pick<Insn, 'src' | 'imm'> & { readonly cls: number },
  ): Insn | undefined {
    const base = this.baseAt(at, place);
    if (base === undefined) return undefined;
    const code = value.cls | op.MODE_MEM | (sizeBits.get(place.size) ?? 0);
    return { code, dst: base.register, src: value.src, off: base.off, imm: value.imm };
  }

  /** Puts the new instructions in place of one and takes the other one out, if that is allowed. */
  private replace(at: number, other: number, insns: readonly Insn[], region: Place['region']): boolean {
    if (!this.context.allow(this.op(at))) return false;
    const made = insns.map((insn): Op => ({ ...this.op(at), insn, region, facts: undefined }));
    this.block.ops = this.block.ops.flatMap((each, i) => (i === at ? made : i === other ? [] : [each]));
    return true;
  }

  /** Two constants side by side; wider than 32 bits they need a register. */
  private joinConstants(low: Store, high: Store, at: number, other: number): boolean {
    const { place } = low;
    const a = constantOf(low.value);
    const b = constantOf(high.value);
    if (a === undefined || b === undefined) return false;
    const bits = 8 * place.size;
    const both = BigInt.asUintN(bits, a) | (BigInt.asUintN(bits, b) << BigInt(bits));
    // Linux has no stores of constants to the context before 6.5.
    if (place.region === 'ctx') return this.joinHeld(both, low, at, other);
    const imm = BigInt.asIntN(32, both);
    // Eight bytes are stored from a sign-extended number.
    if (place.size === 4 && BigInt.asUintN(64, imm) !== both) return false;
    const wide = { ...place, size: 2 * place.size };
    const value = place.size === 1 ? Number(both) : Number(imm);
    const insn = this.store(at, wide, { cls: op.ST, src: 0, imm: place.size === 2 ? Number(imm) : value });
    return insn !== undefined && this.replace(at, other, [insn], place.region);
  }

  /** A constant in the context that a register holds anyway. */
  private joinHeld(both: bigint, { place }: Store, at: number, other: number): boolean {
    for (let r = 0; r < 10; r++) {
      if (constantOf(this.state(at).regs[r]) !== both) continue;
      const insn = this.store(at, { ...place, size: 2 * place.size }, { cls: op.STX, src: r, imm: 0 });
      if (insn !== undefined && this.replace(at, other, [insn], place.region)) return true;
    }
    return false;
  }

  /** A register that holds all bytes already. */
  private joinRegister(low: Store, high: Store, at: number, other: number): boolean {
    const { values } = this.flow;
    const { place } = low;
    const wanted = [low, high].flatMap(({ value }) =>
      Array.from({ length: place.size }, (_, i) => byteSource(values, value, i)),
    );
    if (wanted.every((source) => 'byte' in source)) return false;
    for (let r = 0; r < 10; r++) {
      const value = this.state(at).regs[r] as Value; // 11 registers
      if (!wanted.every((source, i) => sameSource(source, byteSource(values, value, i)))) continue;
      const wide = { ...place, size: 2 * place.size };
      const insn = this.store(at, wide, { cls: op.STX, src: r, imm: 0 });
      if (insn !== undefined && this.isReadable(r, at) && this.replace(at, other, [insn], place.region)) return true;
    }
    return false;
  }

  /** A register that was never written can't be stored, though its name says what it would hold. */
  private isReadable(r: number, at: number): boolean {
    const value = this.state(at).regs[r] as Value; // 11 registers
    const name = this.flow.values.atomOf(value)?.op ?? '';
    return name !== 'clobbered' && !name.startsWith('entry') && name !== 'none';
  }

  /** Two loads of neighbours become one, where no one else looks at them. */
  private joinCopy(low: Store, high: Store, at: number, other: number): boolean {
    const { size } = low.place;
    const loads = [low, high].map(({ value }) => this.loadOf(value, size));
    const [x, y] = loads;
    if (x === undefined || y === undefined || x.at === y.at) return false;
    const from = x.place;
    const isNext = y.place.base === from.base && y.place.region === from.region && y.place.off === from.off + size;
    if (!isNext || from.region === 'ctx' || !this.isAligned({ ...from, size: 2 * size }, 2 * size)) return false;
    if (this.uses(low.value) !== 1 || this.uses(high.value) !== 1) return false;
    const wide = { ...from, size: 2 * size };
    // Just before the store, if memory is still what it was.
    const { mem } = this.state(at);
    const isThere = [x, y].every((load, i) => mem.get(placeKey(load.place))?.value === (i === 0 ? low : high).value);
    const to = { ...low.place, size: 2 * size };
    if (isThere) {
      for (const free of this.freeAt(at, [this.op(x.at).insn.dst, this.op(y.at).insn.dst])) {
        const load = this.loadFrom(at, wide, free, 2 * size);
        const store = this.store(at, to, { cls: op.STX, src: free, imm: 0 });
        if (load === undefined || store === undefined || load.dst === store.dst) continue;
        if (this.replaceCopy(at, other, [x.at, y.at], load, store, from.region, low.place.region)) return true;
      }
    }
    return this.joinEarlier(low, high, at, other, x, y);
  }

  /** The wide load where the second of the two loads stands, if its register lasts until the store. */
  private joinEarlier(low: Store, high: Store, at: number, other: number, x: Load, y: Load): boolean {
    const { size } = low.place;
    const [early, late] = x.at < y.at ? [x, y] : [y, x];
    const earlyValue = x.at < y.at ? low.value : high.value;
    const dst = this.op(late.at).insn.dst;
    if (late.at >= at || this.state(late.at).mem.get(placeKey(early.place))?.value !== earlyValue) return false;
    for (let i = late.at + 1; i < at; i++) if ((writes(this.op(i).insn) & (1 << dst)) !== 0) return false;
    if (this.uses(low.value) !== 1 || this.uses(high.value) !== 1) return false;
    const load = this.loadFrom(late.at, { ...x.place, size: 2 * size }, dst, 2 * size);
    const store = this.store(at, { ...low.place, size: 2 * size }, { cls: op.STX, src: dst, imm: 0 });
    if (load === undefined || store === undefined || !this.context.allow(this.op(at))) return false;
    // No one reads the narrow value between, but the store that goes.
    const region = low.place.region;
    const made = new Map<number, Op[]>([
      [late.at, [{ ...this.op(late.at), insn: load, region: x.place.region, facts: undefined }]],
      [at, [{ ...this.op(at), insn: store, region, facts: undefined }]],
      [early.at, []],
      [other, []],
    ]);
    this.block.ops = this.block.ops.flatMap((each, i) => made.get(i) ?? [each]);
    return true;
  }

  private replaceCopy(
    at: number,
    other: number,
    loads: readonly number[],
    load: Insn,
    store: Insn,
    from: Place['region'],
    to: Place['region'],
  ): boolean {
    if (!this.context.allow(this.op(at))) return false;
    const source = this.op(loads[0] ?? at);
    const made: Op[] = [
      { ...source, insn: load, region: from, facts: undefined },
      { ...this.op(at), insn: store, region: to, facts: undefined },
    ];
    this.block.ops = this.block.ops.flatMap((each, i) =>
      i === at ? made : i === other || loads.includes(i) ? [] : [each],
    );
    return true;
  }

  /** The load in this block that a value is from. */
  private loadOf(value: Value, size: number): Load | undefined {
    for (const [at, each] of this.block.ops.entries()) {
      const place = this.places[at];
      if (!isLoad(each.insn) || each.pinned || place?.size !== size || (each.insn.code & 0xe0) !== op.MODE_MEM)
        continue;
      if (this.state(at + 1).regs[each.insn.dst] === value) return { at, place };
    }
    return undefined;
  }

  /** Reads of a value in this block; one that lives on counts for more. */
  private uses(value: Value): number {
    let count = 0;
    for (const [at, { insn }] of this.block.ops.entries()) {
      for (let r = 0; r < 10; r++) if ((reads(insn) & (1 << r)) !== 0 && this.state(at).regs[r] === value) count++;
    }
    const end = this.demands.atEnd(this.block);
    const last = this.state(this.block.ops.length);
    for (let r = 0; r < 10; r++) if (last.regs[r] === value && end.regs[r] !== 0n) count += 2;
    return count;
  }

  /** Registers that no one asks for around the op at `at`; those of `freed` are about to be free. */
  private freeAt(at: number, freed: readonly number[]): number[] {
    this.behind ??= this.demands.behind(this.block);
    const { behind } = this;
    const after = behind[at];
    const before = behind[at - 1];
    const { insn } = this.op(at);
    const free: number[] = [];
    for (const r of [...freed, 0, 1, 2, 3, 4, 5]) {
      const isDeadAfter = after?.regs[r] === 0n;
      const isOwn = (reads(insn) & (1 << r)) !== 0 && insnClass(insn) === op.STX && insn.src === r && insn.dst !== r;
      const isDeadBefore = before === undefined ? false : before.regs[r] === 0n;
      if (isDeadAfter && (isOwn || isDeadBefore)) free.push(r);
    }
    return free;
  }
}

/** A load in the block and its place. */
interface Load {
  readonly at: number;
  readonly place: Place;
}

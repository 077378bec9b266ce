/**
 * What is known already is not computed again. For each instruction, in the order of the code, with the names of all
 * registers' values at hand:
 *
 *     x := v, where x holds v                      -> nothing
 *     x := c, a constant                           -> x = c
 *     x := v, where y holds v                      -> x = y
 *     f(y), where an older x holds the same        -> f(x), and y may die
 *     f(y), where y holds a constant               -> f(c)
 *     y &= x, where x holds a constant below 2^32   -> the low half of y &= c
 *     *(y + k), where y = x + c and x is older     -> *(x + c + k)
 *     skb[y + k], likewise, or where y is a constant -> skb[x + c + k], skb[c + k]
 *     *(p) = y, where y holds a constant           -> *(p) = c
 *     *(p) = v, where *(p) holds v (own memory)    -> nothing (also as a part of something wider)
 *     if (u32)x o c, where the low half is at hand -> if (32 bits of) x o c, from -mcpu=v3 on
 *     x = *(p), where *(p) holds v (own memory)    -> x := v
 *     x = *(fp - k), which holds a context's field -> x = the field (XDP: fields stay)
 */
import { has } from '../../bpf/index.js';
import { type Insn, insnClass, isLddw, op } from '../../isa/index.js';
import { zext } from '../alu-values.js';
import { flowOf } from '../analyses.js';
import {
  accessOf,
  hasSource,
  isAlu,
  isAtomic,
  isLoad,
  isPacketLoad,
  isStore,
  reads,
  usesSource,
  writes,
} from '../effects.js';
import { copyState, covers, type Flow, type Place, placeKey, type State } from '../flow.js';
import type { Block, FunctionCode, Op } from '../function-code.js';
import { boundsOf } from '../path-facts.js';
import { byteSource, constantOf, sameSource, u32, type Value, type Values } from '../values.js';
import type { PassContext } from './pass.js';

/** The pass, block by block, each with what is known at its head. */
export function fold(code: FunctionCode, context: PassContext): boolean {
  const flow = flowOf(code);
  let changed = false;
  for (const block of code.blocks) {
    const entry = flow.entry.get(block);
    if (entry === undefined) continue;
    if (new BlockFolder(flow, copyState(entry), context).run(block)) changed = true;
  }
  return changed;
}

/** Walks one block and keeps the state in step with what it leaves. */
class BlockFolder {
  private readonly flow: Flow;
  private readonly state: State;
  private readonly context: PassContext;
  /** When each register got its value: up to 0 before the block. */
  private readonly since = new Array<number>(11).fill(0);
  private clock = 0;
  /** What wrote each register in this block. */
  private readonly defs: (Op | undefined)[] = [];
  private changed = false;

  constructor(flow: Flow, state: State, context: PassContext) {
    this.flow = flow;
    this.state = state;
    this.context = context;
    // What others are a sum with was there before them.
    for (const [r, { terms, offset }] of state.regs.entries())
      if (terms.length > 0 && offset === 0n) this.since[r] = -1;
  }

  run(block: Block): boolean {
    const kept: Op[] = [];
    for (const each of block.ops) {
      this.learn(each);
      let now = this.nearerSum(kept, this.operands(each));
      const next = this.result(now);
      if (next !== now && this.context.allow(each)) {
        this.changed = true;
        if (next === undefined) continue;
        now = next;
      }
      kept.push(now);
      const before = [...this.state.regs];
      this.flow.step(this.state, now);
      this.clock++;
      for (let r = 0; r < 10; r++) {
        if (before[r] !== this.state.regs[r]) this.since[r] = this.clock;
        if ((writes(now.insn) & (1 << r)) !== 0) this.defs[r] = now;
      }
    }
    block.ops = kept;
    if (block.branch !== undefined) {
      this.learn(block.branch);
      block.branch = this.operands(block.branch);
    }
    return this.changed;
  }

  /** The verifier knows constants that names don't show. */
  private learn({ insn, facts }: Op): void {
    const { regs } = this.state;
    for (const [r, fact] of [
      [insn.dst, facts?.dst],
      // An operand that has become a constant leaves a field behind that names r0.
      [insn.src, hasSource(insn) ? facts?.src : undefined],
    ] as const) {
      const value = regs[r];
      // What it reads no longer has no part in it.
      if (
        fact?.kind !== 'scalar' ||
        (reads(insn) & (1 << r)) === 0 ||
        !fact.range.isConst ||
        value === undefined ||
        constantOf(value) !== undefined
      )
        continue;
      const constant = this.flow.values.constant(fact.range.value);
      for (let i = 0; i < 10; i++) if (regs[i] === value) regs[i] = constant;
    }
  }

  /** The same instruction with older registers, constants and nearer bases as operands. */
  private operands(each: Op): Op {
    const { insn } = each;
    const added = this.addedRecord(each);
    if (added !== undefined && this.context.allow(each)) {
      this.changed = true;
      return added;
    }
    const changed = this.cheaper(each);
    if (
      changed === undefined ||
      (changed.code === insn.code &&
        changed.dst === insn.dst &&
        changed.src === insn.src &&
        changed.off === insn.off &&
        changed.imm === insn.imm)
    )
      return each;
    if (!this.context.allow(each)) return each;
    this.changed = true;
    return { ...each, insn: changed };
  }

  /** `y = c; x += y`, where a CO-RE record says what c is: `x += c`, with the record. */
  private addedRecord(each: Op): Op | undefined {
    const { insn } = each;
    if (insn.code !== (op.ALU64 | op.ADD | op.X)) return undefined;
    const def = this.defs[insn.src];
    if (def?.pinned !== true || def.insn.code !== (op.ALU64 | op.MOV)) return undefined;
    const {
      refers,
      core,
      insn: { imm },
    } = def;
    return {
      ...each,
      insn: { ...insn, code: op.ALU64 | op.ADD, src: 0, imm },
      refers,
      core,
      pinned: true,
      facts: undefined,
    };
  }

  private cheaper(each: Op): Insn | undefined {
    const { insn, pinned } = each;
    const kind = insn.code & 0xf0;
    if (isAlu(insn)) {
      if (!usesSource(insn) || kind === op.END || pinned) return undefined;
      const isNarrow = insnClass(insn) === op.ALU;
      if (kind === op.MOV && insn.off !== 0) return undefined;
      const constant = this.immediate(insn.src, isNarrow);
      if (constant !== undefined) return { ...insn, code: insn.code & ~op.X, src: 0, imm: constant };
      const mask = constantOf(this.state.regs[insn.src]);
      if (kind === op.AND && mask !== undefined && mask <= u32)
        return { ...insn, code: op.ALU | op.AND, src: 0, imm: Number(BigInt.asIntN(32, mask)) };
      return { ...insn, src: this.older(insn.src, isNarrow) };
    }
    const access = accessOf(insn);
    if (access !== undefined) {
      let to = pinned ? insn : this.nearerBase(insn, access.base);
      if (insnClass(insn) !== op.STX || isAtomic(insn)) return to;
      const constant = pinned || each.region === 'ctx' ? undefined : this.storedConstant(insn, access.size);
      if (constant !== undefined && this.isPlainMemory(each)) {
        to = { ...to, code: (to.code & ~7) | op.ST, src: 0, imm: constant };
        return to;
      }
      return { ...to, src: this.older(to.src, access.size <= 4) };
    }
    const cls = insnClass(insn);
    if (isPacketLoad(insn)) return pinned ? undefined : this.nearerIndex(insn);
    const isCompare =
      (cls === op.JMP || cls === op.JMP32) &&
      kind !== op.CALL &&
      kind !== op.EXIT &&
      kind !== op.JA &&
      kind !== op.JCOND;
    if (!isCompare || pinned) return undefined;
    const isNarrow = cls === op.JMP32;
    if (!usesSource(insn))
      return this.undone(insn) ?? this.halved(insn) ?? { ...insn, dst: this.older(insn.dst, isNarrow) };
    const dst = this.older(insn.dst, isNarrow);
    const constant = this.immediate(insn.src, isNarrow);
    if (constant !== undefined) return { ...insn, code: insn.code & ~op.X, dst, src: 0, imm: constant };
    return { ...insn, dst, src: this.older(insn.src, isNarrow) };
  }

  /** `x - c < k`, where x is at hand and at least c, is `x < k + c`. */
  private undone(insn: Insn): Insn | undefined {
    const { values } = this.flow;
    const kind = insn.code & 0xf0;
    if (kind !== op.JLT && kind !== op.JLE && kind !== op.JGT && kind !== op.JGE) return undefined;
    const value = this.state.regs[insn.dst];
    const atom = value === undefined ? undefined : values.atomOf(value);
    const sum = atom?.op === 'zext' ? atom.args[0] : value;
    if (sum === undefined || sum.terms.length !== 1 || sum.offset === 0n) return undefined;
    const c = BigInt.asUintN(atom?.op === 'zext' ? 32 : 64, -sum.offset);
    const k = BigInt.asUintN(32, BigInt(insn.imm)) + c;
    const x = values.byTerm(sum.terms[0] ?? 0);
    const register = this.state.regs.indexOf(x);
    const [min, max] = boundsOf(this.state.path, x);
    const isSound = insn.imm >= 0 && min >= c && max <= u32 && k <= 0x7fff_ffffn;
    return isSound && register >= 0 ? { ...insn, dst: register, imm: Number(k) } : undefined;
  }

  /** A comparison of an extended low half: of the low half alone, where a register has had it longer. */
  private halved(insn: Insn): Insn | undefined {
    const value = this.state.regs[insn.dst];
    const kind = insn.code & 0xf0;
    const isUnsigned = kind !== op.JSGT && kind !== op.JSGE && kind !== op.JSLT && kind !== op.JSLE;
    if (insnClass(insn) !== op.JMP || !has(this.context.version, 'v3') || insn.imm < 0 || !isUnsigned) return undefined;
    if (value === undefined || value.ones > u32) return undefined;
    const from = this.older(insn.dst, true);
    return from === insn.dst ? undefined : { ...insn, code: (insn.code & ~7) | op.JMP32, dst: from };
  }

  /** Constants can't be stored in the context before Linux 6.4. */
  private isPlainMemory(each: Op): boolean {
    const place = this.flow.placeOf(this.state, each);
    return place !== undefined && place.region !== 'ctx' && (place.region !== 'any' || each.region !== undefined);
  }

  /** What a register holds as a 32-bit immediate, sign-extended where the operation is on 64 bits. */
  private immediate(r: number, isNarrow: boolean): number | undefined {
    const constant = constantOf(this.state.regs[r]);
    if (constant === undefined) return undefined;
    const imm = BigInt.asIntN(32, constant);
    return isNarrow || BigInt.asUintN(64, imm) === constant ? Number(imm) : undefined;
  }

  /** What a store would store, if that is a constant which fits into the instruction. */
  private storedConstant(insn: Insn, size: number): number | undefined {
    const constant = this.immediate(insn.src, size <= 4);
    if (constant === undefined) return undefined;
    return size >= 4 ? constant : Number(BigInt.asUintN(8 * size, BigInt(constant)));
  }

  /** A register with the same value that was set earlier, so that the newer one may die. */
  private older(r: number, isNarrow: boolean): number {
    const { regs } = this.state;
    const wanted = regs[r];
    if (wanted === undefined || r === 10) return r;
    const low = isNarrow ? zext(this.flow.values, wanted) : undefined;
    let best = r;
    for (let i = 0; i <= 10; i++) {
      const value = regs[i];
      if (value === undefined || i === r || (this.since[i] ?? 0) >= (this.since[best] ?? 0)) continue;
      if (value === wanted || (low !== undefined && zext(this.flow.values, value) === low)) best = i;
    }
    return best;
  }

  /** The access by a register that held the same sum, but for a constant, before this base did. */
  private nearerBase(insn: Insn, base: number): Insn {
    const { regs } = this.state;
    const value = regs[base];
    if (value === undefined || value.terms.length === 0 || base === 10) return insn;
    const isLoaded = isLoad(insn);
    let best = insn;
    let age = this.since[base] ?? 0;
    for (const i of [10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const other = regs[i];
      if (other === undefined || i === base || other.base !== value.base) continue;
      const since = i === 10 ? -2 : (this.since[i] ?? 0);
      if (since >= age) continue;
      const off = insn.off + Number(BigInt.asIntN(64, value.offset - other.offset));
      if (off < -0x8000 || off > 0x7fff) continue;
      age = since;
      best = isLoaded ? { ...insn, src: i, off } : { ...insn, dst: i, off };
    }
    return best;
  }

  /** `z = y; z += k`, where y = x + c and x is older: `z = x; z += k + c`. The copy is the last of `kept`. */
  private nearerSum(kept: Op[], each: Op): Op {
    const { insn, pinned } = each;
    const copy = kept.at(-1);
    if (insn.code !== (op.ALU64 | op.ADD) || pinned || copy?.insn.code !== (op.ALU64 | op.MOV | op.X)) return each;
    const from = copy.insn.src;
    const value = this.state.regs[insn.dst];
    if (copy.insn.dst !== insn.dst || from === insn.dst || copy.insn.off !== 0 || from === 10 || value === undefined)
      return each;
    let [best, imm] = [from, insn.imm];
    for (const [r, { base, offset, terms }] of this.state.regs.entries()) {
      const isOlder = r < 10 && r !== insn.dst && (this.since[r] ?? 0) < (this.since[best] ?? 0);
      const sum = Number(BigInt.asIntN(64, value.offset - offset)) + insn.imm;
      if (isOlder && terms.length > 0 && base === value.base && sum === (sum | 0)) [best, imm] = [r, sum];
    }
    if (best === from || imm === 0 || !this.context.allow(each)) return each;
    this.changed = true;
    kept[kept.length - 1] = { ...copy, insn: { ...copy.insn, src: best }, facts: undefined };
    return { ...each, insn: { ...insn, imm }, facts: undefined };
  }

  /** A packet load at an offset of 32 bits, by a register that held the same but for a constant earlier. */
  private nearerIndex(insn: Insn): Insn | undefined {
    const { regs } = this.state;
    const value = (insn.code & 0xe0) === op.MODE_IND ? regs[insn.src] : undefined;
    if (value === undefined) return undefined;
    const constant = constantOf(value);
    if (constant !== undefined) {
      const imm = Number(BigInt.asIntN(32, constant + BigInt(insn.imm)));
      return { ...insn, code: (insn.code & ~0xe0) | op.MODE_ABS, src: 0, imm };
    }
    const wanted = lowSum(this.flow.values, value);
    let best = insn;
    let age = this.since[insn.src] ?? 0;
    for (const [r, other] of regs.entries()) {
      if (r === insn.src || r === 10 || (this.since[r] ?? 0) >= age) continue;
      const held = lowSum(this.flow.values, other);
      if (held.base !== wanted.base) continue;
      age = this.since[r] ?? 0;
      const imm = Number(BigInt.asIntN(32, BigInt(insn.imm) + wanted.offset - held.offset));
      best = { ...insn, src: r, imm };
    }
    return best;
  }

  /** The instruction as its result allows; undefined: it is not needed. */
  private result(each: Op): Op | undefined {
    const { insn, pinned } = each;
    if (pinned && !isLoad(insn)) return each;
    const { regs, mem } = this.state;
    if (isStore(insn)) {
      const place = this.flow.placeOf(this.state, each);
      if (place === undefined || (place.region !== 'stack' && place.region !== 'packet')) return each;
      const known = mem.get(placeKey(place))?.value;
      const stored = insnClass(insn) === op.ST ? this.flow.values.constant(BigInt(insn.imm)) : regs[insn.src];
      const low = stored === undefined || place.size === 8 ? stored : this.flow.low(stored, place.size);
      const isThere = known !== undefined ? known === low : low !== undefined && this.holdsPart(place, low);
      return isThere ? undefined : each;
    }
    if (!isAlu(insn) && !isLddw(insn) && !isLoad(insn)) return each;
    const after = copyState(this.state);
    if (isLoad(insn)) {
      const place = this.flow.placeOf(this.state, each);
      if (
        place === undefined ||
        !this.flow.isOurs(place) ||
        mem.get(placeKey(place)) === undefined ||
        (insn.code & 0xe0) !== op.MODE_MEM
      )
        return each;
      const fromContext = pinned ? undefined : this.fromContext(each, place);
      if (fromContext !== undefined) return fromContext;
    }
    this.flow.step(after, each);
    const value = after.regs[insn.dst];
    if (value === undefined) return each;
    if (value === regs[insn.dst]) return undefined;
    const constant = constantOf(value);
    if (constant !== undefined) return this.constantMove(each, constant);
    const isMove = isAlu(insn) && (insn.code & 0xf0) === op.MOV && usesSource(insn);
    if (isMove) return each;
    const from = this.holder(value);
    if (from === undefined || from === insn.dst) return each;
    return {
      ...each,
      insn: { code: op.ALU64 | op.MOV | op.X, dst: insn.dst, src: from, off: 0, imm: 0 },
      high: undefined,
      refers: -1,
      symbol: undefined,
      pinned: false,
      core: undefined,
      facts: undefined,
    };
  }

  /** What was kept in the frame and came from a field of the context, which is still at hand: the field. */
  private fromContext(each: Op, place: Place): Op | undefined {
    const { mem, regs, path } = this.state;
    const value = mem.get(placeKey(place))?.value;
    // Of a pointer that is loaded anew Linux knows nothing of what the old one was compared with.
    const isChecked = [...path.room.keys()].some((key) => key.split('|').includes(value?.base ?? ''));
    if (
      isChecked ||
      place.region !== 'stack' ||
      place.size !== 8 ||
      value === undefined ||
      this.holder(value) !== undefined
    )
      return undefined;
    for (const known of mem.values()) {
      if (known.region !== 'ctx' || known.size !== 4 || known.value !== value || !this.flow.isOurs(known)) continue;
      const src = regs.findIndex(({ base, offset }) => base === known.base && offset === 0n);
      if (src < 0) continue;
      const insn: Insn = { code: op.LDX | op.MODE_MEM | op.SIZE_W, dst: each.insn.dst, src, off: known.off, imm: 0 };
      return { ...each, insn, region: 'ctx', facts: undefined };
    }
    return undefined;
  }

  /** Does a wider place hold these bytes already? */
  private holdsPart(place: Place, value: Value): boolean {
    const { values } = this.flow;
    const { mem } = this.state;
    for (const known of mem.values()) {
      if (!covers(known, place)) continue;
      const from = place.off - known.off;
      const bytes = Array.from({ length: place.size }, (_, i) => i);
      return bytes.every((i) => sameSource(byteSource(values, known.value, from + i), byteSource(values, value, i)));
    }
    return false;
  }

  /** A register that holds the value; r10 stays out, since it cannot be written. */
  private holder(value: Value | undefined): number | undefined {
    const found = this.state.regs.indexOf(value as Value);
    return found < 0 || found === 10 ? undefined : found;
  }

  /** Sets a register to a constant of 32 bits, sign-extended or zero-extended. */
  private constantMove(each: Op, constant: bigint): Op {
    const { insn } = each;
    const imm = Number(BigInt.asIntN(32, constant));
    const isSigned = BigInt.asUintN(64, BigInt(imm)) === constant;
    if (!isSigned && constant > u32) return each;
    const code = (isSigned ? op.ALU64 : op.ALU) | op.MOV;
    const isMove = isAlu(insn) && (insn.code & 0xf0) === op.MOV && !usesSource(insn);
    if (isMove) return each;
    return {
      ...each,
      insn: { code, dst: insn.dst, src: 0, off: 0, imm },
      high: undefined,
      refers: -1,
      symbol: undefined,
      pinned: false,
      core: undefined,
      facts: undefined,
    };
  }
}

/** A sum whose low half is the value's: extensions of its parts change nothing there. */
function lowSum(values: Values, value: Value): Value {
  let sum = values.constant(value.offset);
  for (const id of value.terms) {
    const term = values.byTerm(id);
    const atom = values.atomOf(term);
    const inner = atom?.op === 'zext' ? atom.args[0] : undefined;
    sum = values.sum(sum, inner === undefined ? term : lowSum(values, inner));
  }
  return sum;
}

/**
 * What no one asks for goes: results without a reader, stores to stack bytes that are not read again, masks and
 * extensions of which only bits are read that they leave alone. For each mask m, with d the bits asked for and o the
 * bits that may be set:
 *
 *     x & m = x in the bits d        if d & o & ~m = 0
 *     x | m = x in the bits d        if d & m = 0
 *     (u32)x = x in the bits d       if d < 2^32
 *     x << k >> k = x & (2^(64-k) - 1)
 *     (u32)(x + y) = (u32)x + (u32)y, and so with -, *, &, | and ^: one instruction on low halves
 *     x << k >>s k = the low 64-k bits with their sign, from -mcpu=v4 on
 */
import { type BpfVersion, has } from '../../bpf/index.js';
import { type Insn, insnClass, op } from '../../isa/index.js';
import { demandsOf, flowOf } from '../analyses.js';
import { isAlu, usesSource } from '../effects.js';
import { copyState } from '../flow.js';
import type { FunctionCode, Op } from '../function-code.js';
import { u32, u64 } from '../values.js';
import type { PassContext } from './pass.js';

/** The pass: one dead instruction may have been the only reader of another. */
export function dead(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (sweep(code, context) || dropOne(code, context)) changed = true;
  return changed;
}

/** One round; whatever goes may take along what only it asked for. */
function sweep(code: FunctionCode, context: PassContext): boolean {
  const demands = demandsOf(code);
  let changed = false;
  for (const block of code.blocks) {
    const reach = demands.reachesOf(block);
    const demand = demands.atEnd(block);
    const kept: Op[] = [];
    for (let i = block.ops.length - 1; i >= 0; i--) {
      const each = block.ops[i] as Op; // in range
      const asked = demand.regs[each.insn.dst] ?? u64;
      const isIdleHere = !each.pinned && isIdle(each.insn, asked, u64);
      if ((isIdleHere || demands.isDead(each, demand, reach[i])) && context.allow(each)) {
        changed = true;
        continue;
      }
      const simple = each.pinned ? undefined : simpler(each.insn, asked);
      const isSimpler = simple !== undefined && context.allow(each);
      if (isSimpler) changed = true;
      const now = isSimpler ? { ...each, insn: simple } : each;
      kept.push(now);
      demands.step(demand, now, reach[i]);
    }
    kept.reverse();
    if (pairs(kept, context)) changed = true;
    if (kept.length !== block.ops.length || kept.some((each, i) => each !== block.ops[i])) block.ops = kept;
  }
  return changed;
}

/**
 * A mask or extension whose bits are 0 already goes. More is asked of what comes before then, so that no other one may
 * go by what was asked until then: two masks would vouch for each other.
 */
function dropOne(code: FunctionCode, context: PassContext): boolean {
  const flow = flowOf(code);
  const demands = demandsOf(code);
  for (const block of code.blocks) {
    const entry = flow.entry.get(block);
    if (entry === undefined || !block.ops.some(({ insn }) => isIdle(insn, 0n, 0n))) continue;
    const state = copyState(entry);
    const behind = demands.behind(block);
    for (const [i, each] of block.ops.entries()) {
      const asked = behind[i]?.regs[each.insn.dst] ?? u64;
      const ones = state.regs[each.insn.dst]?.ones ?? u64;
      flow.step(state, each);
      if (each.pinned || !isIdle(each.insn, asked, ones) || !context.allow(each)) continue;
      block.ops = block.ops.toSpliced(i, 1);
      return true;
    }
  }
  return false;
}

/** Are the bits that are asked for those of the operand? */
function isIdle(insn: Insn, asked: bigint, ones: bigint): boolean {
  if (!isAlu(insn)) return false;
  const is64 = insnClass(insn) === op.ALU64;
  const isLow = is64 || (asked & ~u32 & ones) === 0n;
  switch (insn.code & 0xf0) {
    case op.MOV:
      return usesSource(insn) && insn.dst === insn.src && insn.off === 0 && isLow;
    case op.AND: {
      if (usesSource(insn)) return false;
      const mask = BigInt.asUintN(is64 ? 64 : 32, BigInt(insn.imm));
      return (asked & ones & ~mask) === 0n;
    }
    case op.OR:
      return !usesSource(insn) && isLow && (asked & BigInt.asUintN(64, BigInt(insn.imm))) === 0n;
    default:
      return false;
  }
}

/** A copy of the low half whose upper half no one looks at is a copy. */
function simpler(insn: Insn, asked: bigint): Insn | undefined {
  if (!isAlu(insn) || insnClass(insn) !== op.ALU || asked > u32) return undefined;
  const isCopy = (insn.code & 0xf0) === op.MOV && usesSource(insn) && insn.off === 0 && insn.src !== 10;
  return isCopy ? { ...insn, code: (insn.code & ~7) | op.ALU64 } : undefined;
}

/** `x <<= k; x s>>= k`, where 8, 16 or 32 bits are left: a move that extends them. */
function signExtension(a: Insn, b: Insn, version: BpfVersion): Insn | undefined {
  const cls = insnClass(a);
  const bits = (cls === op.ALU64 ? 64 : 32) - a.imm;
  const isPair = a.code === (cls | op.LSH) && b.code === (cls | op.ARSH) && a.dst === b.dst && a.imm === b.imm;
  const isWidth = bits === 8 || bits === 16 || (bits === 32 && cls === op.ALU64);
  if (!isPair || !isWidth || (cls !== op.ALU64 && cls !== op.ALU) || !has(version, 'v4')) return undefined;
  return { code: cls | op.MOV | op.X, dst: a.dst, src: a.dst, off: bits, imm: 0 };
}

/** What low halves alone decide of their result's. */
const lowKinds: ReadonlySet<number> = new Set([op.ADD, op.SUB, op.MUL, op.AND, op.OR, op.XOR]);

/** `x += y; (u32)x` */
function onLowHalves(a: Insn, b: Insn): Insn | undefined {
  const isExtension = b.code === (op.ALU | op.MOV | op.X) && b.off === 0 && b.dst === b.src && b.dst === a.dst;
  const isWide = insnClass(a) === op.ALU64 && lowKinds.has(a.code & 0xf0);
  return isExtension && isWide ? { ...a, code: (a.code & ~7) | op.ALU } : undefined;
}

/** `x <<= k; x >>= k` */
function pairs(ops: Op[], context: PassContext): boolean {
  let changed = false;
  for (let i = 0; i + 1 < ops.length; i++) {
    const first = ops[i] as Op; // in range
    const second = ops[i + 1] as Op; // in range
    const { insn: a } = first;
    const { insn: b } = second;
    const isPair =
      a.code === (op.ALU64 | op.LSH) &&
      b.code === (op.ALU64 | op.RSH) &&
      a.dst === b.dst &&
      a.imm === b.imm &&
      a.imm >= 32;
    const isFree = !first.pinned && !second.pinned;
    const extension = isFree ? (signExtension(a, b, context.version) ?? onLowHalves(a, b)) : undefined;
    if (extension !== undefined && context.allow(second)) {
      ops.splice(i, 2, { ...second, insn: extension, facts: undefined });
      changed = true;
      continue;
    }
    if (!isPair || a.imm > 63 || first.pinned || second.pinned || !context.allow(second)) continue;
    const insn: Insn =
      a.imm === 32
        ? { code: op.ALU | op.MOV | op.X, dst: a.dst, src: a.dst, off: 0, imm: 0 }
        : { code: op.ALU | op.AND, dst: a.dst, src: 0, off: 0, imm: 2 ** (64 - a.imm) - 1 };
    ops.splice(i, 2, { ...second, insn, facts: undefined });
    changed = true;
  }
  return changed;
}

/**
 * Load, change, store becomes one atomic instruction where no one else reads the value:
 *
 *     x = [p]; x = x o y; [p] = x          -> lock [p] o= y
 *     x = [p]; x = x o c; [p] = x          -> x = c; lock [p] o= x
 *
 * for o of +, |, &, ^. One or two slots less, and several times slower: for small programs only.
 *
 * Linux has + since 3.18, the others since 5.12 (`BPF_ATOMIC`, -mcpu=v3 in LLVM). The output fits every kernel that
 * the input fits, so they are made only in a function that asks for such a kernel: one with another atomic operation
 * than
 * +. Jumps on 32 bits, which -mcpu=v3 has too, tell nothing: they came with 5.1.
 */
import { has } from '../../bpf/index.js';
import { accessSize, type Insn, insnClass, isCall, op } from '../../isa/index.js';
import { demandsOf, flowOf } from '../analyses.js';
import { isAlu, isAtomic, isLoad, reads, usesSource, writes } from '../effects.js';
import { copyState, mayMeet } from '../flow.js';
import type { FunctionCode, Op } from '../function-code.js';
import { constantOf, type Value } from '../values.js';
import type { PassContext } from './pass.js';

/** Operations that have an atomic form, by both codes: on all kernels, and on newer ones. */
const everywhere: ReadonlyMap<number, number> = new Map([[op.ADD, op.ATOMIC_ADD]]);
const kinds: ReadonlyMap<number, number> = new Map([
  ...everywhere,
  [op.OR, op.ATOMIC_OR],
  [op.AND, op.ATOMIC_AND],
  [op.XOR, op.ATOMIC_XOR],
]);

/** The pass, where the context allows it. */
export function atomics(code: FunctionCode, context: PassContext): boolean {
  if (!context.atomics) return false;
  const isNew = needsAtomics(code) || (context.isAsked && has(context.version, 'v3'));
  const known = isNew ? kinds : everywhere;
  const flow = flowOf(code);
  const demands = demandsOf(code);
  let changed = false;
  for (const block of code.blocks) {
    const entry = flow.entry.get(block);
    if (entry === undefined) continue;
    const state = copyState(entry);
    const regs: (readonly Value[])[] = [];
    const places = block.ops.map((each) => {
      const place = flow.placeOf(state, each);
      regs.push([...state.regs]);
      flow.step(state, each);
      return place;
    });
    /** A register that holds a number before an op anyway. */
    const holder = (i: number, imm: number, but: number): number | undefined => {
      const wanted = BigInt.asUintN(64, BigInt(imm));
      const found = regs[i]?.findIndex((value, r) => r !== but && constantOf(value) === wanted) ?? -1;
      return found < 0 ? undefined : found;
    };
    const behind = demands.behind(block);
    for (let at = 0; at < block.ops.length; at++) {
      const found = fusion(
        block.ops,
        at,
        (i) => behind[i]?.regs ?? [],
        (i, j) => {
          const a = places[i];
          const b = places[j];
          return a !== undefined && b !== undefined && mayMeet(a, b, flow.escaped);
        },
        known,
        holder,
      );
      const region = places[at]?.region;
      if (found === undefined || (region !== 'map' && region !== 'stack') || !context.allow(block.ops[at] as Op))
        continue;
      block.ops = found;
      changed = true;
      break;
    }
  }
  return changed;
}

/** The function has an operation that kernels without the newer atomics refuse. */
function needsAtomics(code: FunctionCode): boolean {
  return code.blocks.some(({ ops }) => ops.some(({ insn }) => isAtomic(insn) && insn.imm !== op.ATOMIC_ADD));
}

/** The ops with the load at `at`, what is done to its value and the store fused; undefined where that can't be. */
function fusion(
  ops: readonly Op[],
  at: number,
  asked: (at: number) => readonly bigint[],
  meets: (a: number, b: number) => boolean,
  known: ReadonlyMap<number, number>,
  holder: (at: number, imm: number, but: number) => number | undefined,
): Op[] | undefined {
  const load = ops[at] as Op; // in range
  const { insn } = load;
  const size = accessSize(insn);
  if (!isLoad(insn) || load.pinned || (insn.code & 0xe0) !== op.MODE_MEM || size < 4 || insn.dst === insn.src)
    return undefined;
  const x = insn.dst;
  let change = -1;
  for (let i = at + 1; i < ops.length; i++) {
    const { insn: now, pinned } = ops[i] as Op; // in range
    if (isCall(now) || pinned) return undefined;
    const isStoreBack =
      change >= 0 &&
      now.code === (op.STX | op.MODE_MEM | (insn.code & 0x18)) &&
      now.src === x &&
      now.dst === insn.src &&
      now.off === insn.off;
    if (isStoreBack) return asked(i)[x] === 0n ? fused(ops, at, change, i, holder) : undefined;
    const isChange = change < 0 && isAlu(now) && now.dst === x && known.has(now.code & 0xf0);
    if (isChange) {
      // Of four bytes either form gives the low half; of eight only the wide one does.
      if ((size === 8 && insnClass(now) !== op.ALU64) || (usesSource(now) && now.src === x)) return undefined;
      change = i;
      continue;
    }
    const touched = reads(now) | writes(now);
    if ((touched & (1 << x)) !== 0 || (writes(now) & (1 << insn.src)) !== 0 || meets(at, i)) return undefined;
    const operand = change >= 0 ? (ops[change] as Op).insn : undefined;
    if (operand !== undefined && usesSource(operand) && (writes(now) & (1 << operand.src)) !== 0) return undefined;
  }
  return undefined;
}

/**
 * The operations with the atomic one in place of the store; a constant is put into the register first, unless another
 * one holds it.
 */
function fused(
  ops: readonly Op[],
  at: number,
  change: number,
  store: number,
  holder: (at: number, imm: number, but: number) => number | undefined,
): Op[] {
  const { insn: alu } = ops[change] as Op; // found by fusion
  const last = ops[store] as Op; // likewise
  const kind = kinds.get(alu.code & 0xf0) ?? 0;
  const held = usesSource(alu) ? alu.src : holder(store, alu.imm, alu.dst);
  const isReg = held !== undefined;
  const code = op.STX | op.MODE_ATOMIC | (last.insn.code & 0x18);
  const atomic: Op = {
    ...last,
    insn: { ...last.insn, code, src: held ?? alu.dst, imm: kind },
    facts: undefined,
  };
  const constant: Insn = { code: op.ALU64 | op.MOV, dst: alu.dst, src: 0, off: 0, imm: alu.imm };
  return ops.flatMap((each, i) => {
    if (i === at) return [];
    if (i === change) return isReg ? [] : [{ ...each, insn: constant, facts: undefined }];
    return i === store ? [atomic] : [each];
  });
}

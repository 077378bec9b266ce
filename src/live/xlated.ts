/**
 * Instructions as Linux shows them of a loaded program (`xlated`), turned back into what was loaded.
 *
 * The verifier rewrites a program before it is compiled: look-ups are written out, helpers become addresses, accesses
 * to the context become accesses to the kernel's own structure, divisions get a guard. Each rewrite puts a sequence of
 * fixed shape in the place of one instruction, so it can be told from the sequence alone, but for accesses to the
 * context, which need to know where the context's pointer is (context-flow.ts). What the kernel removed (code that its
 * verifier found dead) is lost. Nothing here is believed by itself: the program's tag, a hash of what was loaded, says
 * whether the result is exact.
 *
 * Shapes: kernel/bpf/{verifier,arraymap,hashtab}.c (do_misc_fixups, map_gen_lookup, inline_bpf_loop),
 * net/core/filter.c (xdp_convert_ctx_access), kernel/bpf/syscall.c (bpf_insn_prepare_dump).
 */
import { type Insn, isCall, isConditionalJump, isLddw, isUnconditionalJump, jumpTarget, op } from '../isa/index.js';
import { helperId } from '../platform/index.js';
import { contextLoads } from './context-flow.js';

/** What of the kernel the rewrites depend on. */
export interface RewriteFacts {
  /** Helper that an `imm` of a call is, if it is known which one. */
  readonly helperAt: (imm: number) => number | undefined;
  /** Is this the look-up of hash tables that the kernel writes out? */
  readonly isHashLookup: (imm: number) => boolean;
  /** First slot of each function of the rewritten program, if the kernel tells. */
  readonly functions: readonly number[];
}

/** A program as it was loaded. Maps stand for their ids in `imm`. */
export interface Recovered {
  readonly insns: readonly Insn[];
  /** Slot in {@link insns} of each slot of the rewritten program. */
  readonly slots: readonly number[];
  /** First slot of each function. */
  readonly functions: readonly number[];
}

/** The rewritten program cannot be turned back. */
export interface NotRecovered {
  readonly why: string;
}

/** A sequence of the kernel's: so many slots, and the instruction in whose place they stand. */
interface Match {
  readonly length: number;
  readonly insn: Insn;
}

/** BPF_REG_AX, which the verifier's own rewrites use; no program that is loaded has it. */
const ax = 11;
/** A call as it was loaded: by the helper's number. */
const helperCall = (number: number): Insn => ({ code: op.CALL_OP, dst: 0, src: 0, off: 0, imm: number });
/** Is the instruction this one? What is left out may be anything. */
const isInsn = (insn: Insn | undefined, code: number, dst: number, src: number, off?: number, imm?: number): boolean =>
  insn !== undefined &&
  insn.code === code &&
  insn.dst === dst &&
  insn.src === src &&
  (off === undefined || insn.off === off) &&
  (imm === undefined || insn.imm === imm);

const addImm = op.ALU64 | op.ADD | op.K;
const movReg = op.ALU64 | op.MOV | op.X;
const movImm = op.ALU64 | op.MOV | op.K;
const load8 = op.LDX | op.MODE_MEM | op.SIZE_DW;
const load4 = op.LDX | op.MODE_MEM | op.SIZE_W;
const load1 = op.LDX | op.MODE_MEM | op.SIZE_B;
const store1 = op.ST | op.MODE_MEM | op.SIZE_B;
const jumpEq = op.JMP | op.JEQ | op.K;
const jumpNe = op.JMP | op.JNE | op.K;
const jumpGe = op.JMP | op.JGE | op.K;
const jumpLe = op.JMP | op.JLE | op.K;
/** A move of this `off` adds the address of the CPU's own memory (BPF_ADDR_PERCPU). */
const percpu = -1;

/** A look-up in an array, written out: the index is in bounds, or the result is 0. */
function arrayLookup(insns: readonly Insn[], at: number): Match | undefined {
  const bound = insns[at + 2];
  if (!isInsn(insns[at], addImm, 1, 0, 0) || !isInsn(insns[at + 1], load4, 0, 2, 0)) return undefined;
  if (bound?.code !== jumpGe || bound.dst !== 0 || bound.off < 3 || bound.off > 8) return undefined;
  const end = at + 3 + bound.off;
  if (!isInsn(insns[end - 1], op.JA_OP, 0, 0, 1) || !isInsn(insns[end], movImm, 0, 0, 0, 0)) return undefined;
  return { length: bound.off + 4, insn: helperCall(helperId.map_lookup_elem) };
}

/** A look-up in a hash table: the call finds an element, of which the value is the result. */
function hashLookup(insns: readonly Insn[], at: number, facts: RewriteFacts): Match | undefined {
  const call = insns[at];
  const test = insns[at + 1];
  if (call?.code !== op.CALL_OP || call.src !== 0 || !facts.isHashLookup(call.imm)) return undefined;
  if (test?.code !== jumpEq || test.dst !== 0 || test.imm !== 0) return undefined;
  const insn = helperCall(helperId.map_lookup_elem);
  const isPlain = test.off === 1 && isInsn(insns[at + 2], addImm, 0, 0, 0);
  if (isPlain) return { length: 3, insn };
  const isLru =
    test.off === 4 &&
    isInsn(insns[at + 2], load1, 1, 0) &&
    isInsn(insns[at + 3], jumpNe, 1, 0, 1, 0) &&
    isInsn(insns[at + 4], store1, 0, 0, insns[at + 2]?.off, 1) &&
    isInsn(insns[at + 5], addImm, 0, 0, 0);
  if (isLru) return { length: 6, insn };
  const isIndirect = isInsn(insns[at + 2], addImm, 0, 0, 0) && isInsn(insns[at + 3], load8, 0, 0, 0);
  if (test.off === 2 && isIndirect) return { length: 4, insn };
  if (test.off === 3 && isIndirect && isInsn(insns[at + 4], movReg, 0, 0, percpu)) return { length: 5, insn };
  return undefined;
}

/** A loop over a callback, written out (inline_bpf_loop). */
function loop(insns: readonly Insn[], at: number): Match | undefined {
  const first = insns[at];
  const isLoop =
    first?.code === jumpLe &&
    first.dst === 1 &&
    first.off === 2 &&
    isInsn(insns[at + 1], op.ALU | op.MOV | op.K, 0, 0, 0, -7) &&
    isInsn(insns[at + 2], op.JA_OP, 0, 0, 16) &&
    insns[at + 12]?.code === op.CALL_OP &&
    insns[at + 12]?.src === op.CALL_LOCAL;
  return isLoop ? { length: 19, insn: helperCall(helperId.loop) } : undefined;
}

/** Division by a register: by zero it gives 0, and the remainder is the dividend. */
function division(insns: readonly Insn[], at: number): Match | undefined {
  const test = insns[at];
  if (test === undefined || test.imm !== 0) return undefined;
  for (const [jump, alu] of [
    [op.JMP, op.ALU64],
    [op.JMP32, op.ALU],
  ] as const) {
    if (test.code === (jump | op.JNE | op.K) && test.off === 2) {
      const insn = insns[at + 3];
      const isDivision = insn?.code === (alu | op.DIV | op.X) && insn.src === test.dst && insn.off === 0;
      const zero = op.ALU | op.XOR | op.X;
      if (isDivision && isInsn(insns[at + 1], zero, insn.dst, insn.dst) && isInsn(insns[at + 2], op.JA_OP, 0, 0, 1)) {
        return { length: 4, insn };
      }
    }
    if (test.code === (jump | op.JEQ | op.K)) {
      const insn = insns[at + 1];
      const isRemainder = insn?.code === (alu | op.MOD | op.X) && insn.src === test.dst && insn.off === 0;
      if (isRemainder && alu === op.ALU64 && test.off === 1) return { length: 2, insn };
      const copy = op.ALU | op.MOV | op.X;
      const isNarrow = isRemainder && test.off === 2 && isInsn(insns[at + 2], op.JA_OP, 0, 0, 1);
      if (isNarrow && isInsn(insns[at + 3], copy, insn.dst, insn.dst)) return { length: 4, insn };
    }
  }
  return undefined;
}

/** Helpers that are a load or two: the CPU's number, the clock in jiffies. */
function inlineHelper(insns: readonly Insn[], at: number): Match | undefined {
  const first = insns[at];
  if (isInsn(first, movImm, 0, 0, 0) && isInsn(insns[at + 1], movReg, 0, 0, percpu)) {
    if (isInsn(insns[at + 2], load4, 0, 0, 0)) return { length: 3, insn: helperCall(helperId.get_smp_processor_id) };
  }
  const isKernelAddress = isInsn(first, op.LDDW, 0, 0) && insns[at + 1]?.imm === -1;
  if (isKernelAddress && isInsn(insns[at + 2], load8, 0, 0, 0)) {
    return { length: 3, insn: helperCall(helperId.jiffies64) };
  }
  return undefined;
}

/** One instruction of the result, and the slot of the rewritten program that it comes from. */
interface Piece {
  readonly insn: Insn;
  readonly from: number;
}

/** What was loaded, but for accesses to the context: those are told by `context`, once it is known. */
function pieces(insns: readonly Insn[], facts: RewriteFacts, context: ReadonlySet<number>): Piece[] | NotRecovered {
  const out: Piece[] = [];
  for (let at = 0; at < insns.length; ) {
    const insn = insns[at] as Insn;
    const field = context.has(at) ? contextField(insns, at) : undefined;
    if (field === null) return { why: `slot ${at} reads a field of the context that is not known` };
    const match =
      field ??
      arrayLookup(insns, at) ??
      hashLookup(insns, at, facts) ??
      loop(insns, at) ??
      division(insns, at) ??
      inlineHelper(insns, at);
    if (match !== undefined) {
      out.push({ insn: match.insn, from: at });
      at += match.length;
      continue;
    }
    if (insn.dst === ax || insn.src === ax) return { why: `slot ${at} has a register of the kernel's own` };
    if (insn.code === op.CALL_OP && insn.src === op.CALL_HELPER) {
      const helper = facts.helperAt(insn.imm);
      if (helper === undefined) return { why: `slot ${at} calls a function of the kernel that is no known helper` };
      out.push({ insn: helperCall(helper), from: at });
    } else out.push({ insn, from: at });
    at++;
    if (isLddw(insn)) {
      const second = insns[at];
      // The map's id takes the first half; the offset in a value stays in the second.
      if (second !== undefined)
        out.push({ insn: insn.src === op.PSEUDO_FUNC ? { ...second, imm: 0 } : second, from: at });
      at++;
    }
  }
  return out;
}

/** A field of `xdp_md` from `xdp_buff` and what it points to; null: none that is known. */
function contextField(insns: readonly Insn[], at: number): Match | null {
  const { dst, src, off } = insns[at] as Insn;
  const field = (offset: number, length: number): Match => ({
    length,
    insn: { code: load4, dst, src, off: offset, imm: 0 },
  });
  // data, data_end, data_meta
  if (off === 0) return field(0, 1);
  if (off === 8) return field(4, 1);
  if (off === 16) return field(8, 1);
  const isQueue = isInsn(insns[at + 1], load4, dst, dst);
  const isDevice = isInsn(insns[at + 1], load8, dst, dst) && isInsn(insns[at + 2], load4, dst, dst);
  // rxq, txq
  if (off === 32 && isQueue) return field(16, 2);
  if (off === 32 && isDevice) return field(12, 3);
  if (off === 40 && isDevice) return field(20, 3);
  return null;
}

/** What was loaded. The tag of the result (program-tag.ts) says whether it is exact. */
export function recover(insns: readonly Insn[], facts: RewriteFacts): Recovered | NotRecovered {
  const starts = facts.functions.length > 0 ? facts.functions : calledFunctions(insns);
  const context = contextLoads(insns, (at) => functionAt(insns, at, starts));
  const list = pieces(insns, facts, context);
  if ('why' in list) return list;
  const slots: number[] = [];
  for (const [slot, { from }] of list.entries()) slots[from] = slot;
  // What lies in the middle of a sequence belongs to the instruction in whose place it stands.
  for (let at = 0; at < insns.length; at++) slots[at] ??= slots[at - 1] ?? 0;
  slots[insns.length] = list.length;
  const result: Insn[] = [];
  for (const [slot, { insn, from }] of list.entries()) {
    const distance = (target: number): number => (slots[target] ?? list.length) - slot - 1;
    if (insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL) {
      result.push({ ...insn, off: 0, imm: distance(functionAt(insns, from, starts)) });
    } else if (isLddw(insn) && insn.src === op.PSEUDO_FUNC) {
      result.push({ ...insn, imm: distance(functionAt(insns, from, starts)) });
    } else if (isUnconditionalJump(insn) && insn.code === op.JA32_OP) {
      result.push({ ...insn, imm: distance(jumpTarget(insn, from)) });
    } else if (isUnconditionalJump(insn) || isConditionalJump(insn)) {
      result.push({ ...insn, off: distance(jumpTarget(insn, from)) });
    } else result.push(insn);
  }
  return { insns: result, slots, functions: starts.map((start) => slots[start] ?? 0) };
}

/** First slot of the function that a call or an address load of one names, by its number where that is known. */
function functionAt(insns: readonly Insn[], at: number, starts: readonly number[]): number {
  const insn = insns[at] as Insn;
  const isAddress = isLddw(insn);
  const byNumber = starts[(isAddress ? insns[at + 1]?.imm : insn.imm) ?? -1];
  return byNumber ?? at + 1 + (isAddress ? insn.imm : insn.off);
}

/** Where functions begin, as calls and address loads of them have it; for programs without types. */
function calledFunctions(insns: readonly Insn[]): number[] {
  const starts = new Set([0]);
  for (const [at, insn] of insns.entries()) {
    if (isCall(insn) && insn.src === op.CALL_LOCAL) starts.add(at + 1 + insn.off);
    else if (isLddw(insn) && insn.src === op.PSEUDO_FUNC) starts.add(at + 1 + insn.imm);
  }
  return [...starts].sort((a, b) => a - b);
}

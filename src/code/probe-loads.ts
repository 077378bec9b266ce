/**
 * Loads through pointers that bpf_rdonly_cast made of anything: Linux makes probes of them, which give 0 where there
 * is nothing to read (BPF_PROBE_MEM in convert_ctx_accesses). Its verifier knows which ones they are; here it is found
 * by a forward data-flow that may say so of others as well, for which it makes no difference: a program that Linux
 * accepts does not fault there.
 *
 * What is followed are sets of registers that may hold such a pointer, or one that was read through it. What is
 * spilled is not told apart: once any of them has been, each 8 bytes that are loaded may be one.
 */
import { accessSize, type Insn, insnClass, isCall, op } from '../isa/index.js';
import { functionEntries, isLocalCall } from './calls.js';
import { successors } from './leaders.js';
import { writtenRegisters } from './register-effects.js';

const cast = 'bpf_rdonly_cast';
const frameRegister = 10;
const none: ReadonlySet<number> = new Set();

/** A program as far as it matters here. */
interface Code {
  readonly insns: readonly Insn[];
  readonly kfuncs: readonly { readonly name: string }[];
}

const known = new WeakMap<readonly Insn[], ReadonlySet<number>>();

/** Slots of such loads. `code` is a program as its file has it, where calls name kernel functions by index. */
export function probeLoads(code: Code): ReadonlySet<number> {
  if (!code.kfuncs.some(({ name }) => name === cast)) return none;
  let found = known.get(code.insns);
  if (found === undefined) {
    found = find(code);
    known.set(code.insns, found);
  }
  return found;
}

function find({ insns, kfuncs }: Code): ReadonlySet<number> {
  const before = new Int32Array(insns.length).fill(-1);
  const isCast = (insn: Insn): boolean => isCall(insn) && insn.src === op.CALL_KFUNC && kfuncs[insn.imm]?.name === cast;
  let isSpilled = false;
  let isReturned = false;
  let open: number[] = [];
  const reach = (pc: number, registers: number): void => {
    const old = before[pc] ?? 0;
    const joined = Math.max(old, 0) | registers;
    if (old === joined || pc >= insns.length) return;
    before[pc] = joined;
    open.push(pc);
  };
  /** Registers that may hold one behind the instruction. */
  const behind = (insn: Insn, registers: number): number => {
    const has = (r: number): boolean => ((registers >> r) & 1) === 1;
    const kept = registers & ~writtenRegisters(insn);
    const kind = insnClass(insn);
    if (kind === op.ALU64) {
      const added = (insn.code & op.X) !== 0 && has(insn.src);
      const isMove = (insn.code & 0xf0) === op.MOV;
      return added || (!isMove && has(insn.dst)) ? kept | (1 << insn.dst) : kept;
    }
    if (kind === op.LDX) return has(insn.src) || (isSpilled && accessSize(insn) === 8) ? kept | (1 << insn.dst) : kept;
    return isCast(insn) || (isReturned && isLocalCall(insn)) ? kept | 1 : kept;
  };
  for (let isSettled = false; !isSettled; ) {
    isSettled = true;
    for (const entry of functionEntries(insns)) reach(entry, 0);
    for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
      const insn = insns[pc] as Insn;
      const registers = before[pc] ?? 0;
      if (insnClass(insn) === op.STX && ((registers >> insn.src) & 1) === 1 && !isSpilled) {
        isSpilled = true;
        isSettled = false;
      }
      if (insn.code === op.EXIT_OP && (registers & 1) === 1 && !isReturned) {
        isReturned = true;
        isSettled = false;
      }
      if (isLocalCall(insn)) reach(pc + 1 + insn.imm, registers & 0x3e);
      for (const next of successors(insns, pc)) reach(next, behind(insn, registers));
    }
    // What was not known the first time concerns what has been passed.
    if (!isSettled) open = [...insns.keys()].filter((pc) => (before[pc] ?? -1) >= 0);
  }
  const loads = [...insns.entries()].filter(([pc, insn]) => {
    const isLoad = insnClass(insn) === op.LDX && insn.src !== frameRegister;
    return isLoad && (((before[pc] ?? 0) >> insn.src) & 1) === 1 && (before[pc] ?? -1) >= 0;
  });
  return new Set(loads.map(([pc]) => pc));
}

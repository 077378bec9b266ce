/**
 * Which 32-bit results need their upper half cleared: those whose upper half some later instruction may look at. For
 * Linux's JITs the verifier marks the same from the paths that it walked (`mark_insn_zext` in kernel/bpf/verifier.c);
 * this is by the bytecode alone, so it needs no path, and says "needed" more often.
 */
import { accessSize, type Insn, insnClass, op } from '../isa/index.js';
import { successors } from './leaders.js';
import { solveRegisters } from './live-registers.js';

/**
 * 1 for each slot whose 32-bit result must be zero-extended. `loads`: those of loads of up to four bytes as well, for
 * machines whose registers have no more.
 */
export function needsZeroExtension(insns: readonly Insn[], loads = false): Uint8Array {
  const live = solveRegisters(insns);
  return Uint8Array.from(insns, (insn, pc) => {
    const isLoad = loads && insnClass(insn) === op.LDX && accessSize(insn) < 8;
    if (insnClass(insn) !== op.ALU && !isLoad) return 0;
    return successors(insns, pc).some((next) => (((live[next] ?? 0) >>> (16 + insn.dst)) & 1) === 1) ? 1 : 0;
  });
}

/** Which instruction set code needs, as clang's `-mcpu` counts. */
import { type BpfVersion, has } from '../bpf/index.js';
import { describe, type Insn, insnClass, op } from '../isa/index.js';

/**
 * The least version that makes such code. Arithmetic on low halves is as old as eBPF, but clang makes it from v3 on,
 * and whoever has it has jumps on low halves as well.
 */
export function versionOf(insns: readonly Insn[]): BpfVersion {
  let version: BpfVersion = 'v1';
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc] as Insn; // in range
    const own = versionOfInsn(insn);
    if (!has(version, own)) version = own;
    // The second slot of a 64-bit load is no instruction.
    if (insn.code === op.LDDW) pc++;
  }
  return version;
}

/** The least version that has an instruction. */
function versionOfInsn(insn: Insn): BpfVersion {
  const known = describe(insn)?.version ?? 'v1';
  if (known !== 'v1') return known === 'linux' ? 'v3' : known;
  return insnClass(insn) === op.ALU && (insn.code & 0xf0) !== op.END ? 'v3' : 'v1';
}

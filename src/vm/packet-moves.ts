/** Which ends of the packet a program may move: what lies around a packet matters to no other. */

import { isHelperCall } from '../code/index.js';
import type { Insn } from '../isa/index.js';
import { helperId, packetMoves as movesOf } from '../platform/index.js';
import type { LoadedProgram } from './load-programs.js';

/** `head`: the start of data or metadata; `tail`: the end, and possibly the start. */
export type PacketMoves = 'none' | 'head' | 'tail';

/** What `program`, or one of `programs` that it may tail-call, can do to the packet's ends. */
export function packetMoves(program: LoadedProgram, programs: readonly LoadedProgram[]): PacketMoves {
  const codes = programsBehind(program, programs);
  const any = (which: 'head' | 'tail'): boolean =>
    codes.some(({ insns }) => calls(insns, (id) => movesOf(id) === which));
  if (any('tail')) return 'tail';
  return any('head') ? 'head' : 'none';
}

/** The program, and those of `programs` that it may tail-call. */
export function programsBehind(program: LoadedProgram, programs: readonly LoadedProgram[]): readonly LoadedProgram[] {
  return calls(program.insns, (id) => id === helperId.tail_call) ? programs : [program];
}

function calls(insns: readonly Insn[], test: (helper: number) => boolean): boolean {
  return insns.some((insn) => isHelperCall(insn) && test(insn.imm));
}

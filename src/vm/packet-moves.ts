/** Which ends of the packet a program may move: what lies around a packet matters to no other. */

import { isHelperCall } from '../code/index.js';
import type { Insn } from '../isa/index.js';
import { helperId, helpersWhere } from '../platform/index.js';
import type { LoadedProgram } from './load-programs.js';

/** `head`: the start of data or metadata; `tail`: the end, and possibly the start. */
export type PacketMoves = 'none' | 'head' | 'tail';

const headMovers = helpersWhere(({ moves }) => moves === 'head');
const tailMovers = helpersWhere(({ moves }) => moves === 'tail');
const tailCall = new Set([helperId.tail_call]);

/** What `program`, or one of `programs` that it may tail-call, can do to the packet's ends. */
export function packetMoves(program: LoadedProgram, programs: readonly LoadedProgram[]): PacketMoves {
  const codes = programsBehind(program, programs);
  const any = (helpers: ReadonlySet<number>): boolean => codes.some(({ insns }) => calls(insns, helpers));
  if (any(tailMovers)) return 'tail';
  return any(headMovers) ? 'head' : 'none';
}

/** The program, and those of `programs` that it may tail-call. */
export function programsBehind(program: LoadedProgram, programs: readonly LoadedProgram[]): readonly LoadedProgram[] {
  return calls(program.insns, tailCall) ? programs : [program];
}

function calls(insns: readonly Insn[], helpers: ReadonlySet<number>): boolean {
  return insns.some((insn) => isHelperCall(insn) && helpers.has(insn.imm));
}

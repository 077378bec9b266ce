/**
 * What a call does to the caller's frame: how far it may reach through the addresses that it is given, which of that
 * it only writes, and which bytes are certainly written. So a buffer need not be cleared for a helper that fills it.
 */
import { type Insn, insnClass, op } from '../isa/index.js';
import { helperNames, helperRow } from '../platform/index.js';
import { reads } from './effects.js';
import type { Flow, Place, State } from './flow.js';
import { otherHelpers } from './proof/helper-shape.js';
import { constantOf } from './values.js';

/** A call's part in the frame. */
export interface CallReach {
  /** Bytes from the frame pointer on, upwards, that it may read: 0 for none of them, -infinity for all. */
  readonly from: number;
  /** Bytes that it writes, if it returns 0 or in any case. */
  readonly filled: { readonly place: Place; readonly always: boolean } | undefined;
}

/** With the registers as they are named before it. */
export function callReach(flow: Flow, state: State, insn: Insn): CallReach {
  const filled = filledPlace(flow, state, insn);
  return { from: flow.stackFrom(state, insn, filled?.register), filled };
}

/** The bytes of the frame behind a `mem out` of known size. */
function filledPlace(
  flow: Flow,
  state: State,
  insn: Insn,
): { readonly place: Place; readonly always: boolean; readonly register: number } | undefined {
  if (insn.src !== op.CALL_HELPER) return undefined;
  const row = helperRow(insn.imm) ?? otherHelpers[helperNames[insn.imm] ?? ''];
  const index = row?.args.indexOf('mem out') ?? -1;
  if (row?.fills === undefined || index < 0) return undefined;
  const register = index + 1;
  const address = state.regs[register];
  const size = constantOf(state.regs[register + 1]);
  if (address === undefined || size === undefined || size === 0n || size > 512n) return undefined;
  const base = address.base;
  if (base !== flow.framePointer.base) return undefined;
  const place: Place = { region: 'stack', base, off: Number(BigInt.asIntN(64, address.offset)), size: Number(size) };
  return { place, always: row.fills === 'always', register };
}

/** Is it the way on which r0, all of it, is 0? */
export function isSuccess(branch: Insn | undefined, isTaken: boolean): boolean {
  if (branch === undefined || insnClass(branch) !== op.JMP || (branch.code & op.X) !== 0) return false;
  return reads(branch) === 1 && branch.imm === 0 && (branch.code & 0xf0) === (isTaken ? op.JEQ : op.JNE);
}

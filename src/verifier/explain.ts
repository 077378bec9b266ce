/**
 * Why a program was refused, told so that it can be mended: the source line, what was known of the registers involved,
 * which instructions of the failing path made it so, and what to do.
 *
 * The slice walks the path backwards from the instruction at fault: it keeps what set a register or stack slot that
 * matters and follows its operands, and the conditions that were tested on them on the way.
 */

import { usedRegisters, writtenRegisters } from '../code/index.js';
import { type Insn, insnClass, isCall, isConditionalJump, op } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';
import type { Env, PathStep, Rejection } from './env.js';
import { hintFor } from './hints.js';
import { lineOf } from './log.js';
import type { MessageCode } from './messages.js';
import { regText } from './reg-text.js';

/** An instruction of the failing path that made it so. */
export interface SliceStep {
  readonly insn: number;
  /** What it has to do with the failure: it set something, or tested it. */
  readonly role: 'sets' | 'tests';
}

/** Why a program was refused, and what would mend it. */
export interface Explanation {
  /** `prog.c:33`; undefined without debug information. */
  readonly source: string | undefined;
  readonly sourceText: string | undefined;
  /** Registers that the instruction uses, as the log words them: `R1=pkt(r=14)`. */
  readonly known: readonly string[];
  /** Oldest first. */
  readonly slice: readonly SliceStep[];
  readonly hint: string | undefined;
}

/** Longest slice that helps anyone. */
const maxSlice = 12;
/** Steps of the path that are looked at. */
const maxSteps = 20_000;

/**
 * The slice of the path that a refusal hangs on, and advice: instructions that computed the registers which the
 * failing one reads, back to where they came from.
 */
export function explainRejection(program: ProgramSpec, rejection: Rejection, env: Env | undefined): Explanation {
  const line = lineOf(program, rejection.insn);
  const insn = program.insns[rejection.insn];
  const onPath = env !== undefined && insn !== undefined && env.pc === rejection.insn;
  return {
    source: line === undefined ? undefined : `${line.file.slice(line.file.lastIndexOf('/') + 1)}:${line.line}`,
    sourceText: line?.text.trim(),
    known: onPath ? knownOf(env, insn, rejection.code) : [],
    slice: onPath ? sliceOf(program, insn, env.path, rejection) : [],
    hint: hintFor(rejection, onPath ? env : undefined),
  };
}

function knownOf(env: Env, insn: Insn, code: MessageCode): string[] {
  // What r0 holds has nothing to do with what was not given back.
  if (heldAtExit.includes(code)) return [];
  const uses = usedRegisters(insn);
  const known: string[] = [];
  for (let i = 0; i <= 9; i++) {
    if ((uses & (1 << i)) === 0) continue;
    const reg = env.peek(i);
    // A call may have fewer arguments than registers for them.
    if (reg.kind !== 'none') known.push(`R${i}=${regText(reg, env.state.depth)}`);
    else if (code === 'not-readable') known.push(`R${i} holds nothing here`);
  }
  return known;
}

const isStackAccess = (insn: Insn, base: number): boolean => base === 10 && (insn.code & 0xe0) === op.MODE_MEM;

const heldAtExit: readonly MessageCode[] = ['unreleased-reference', 'lock-held-exit'];
const packetRange: readonly MessageCode[] = ['packet-access', 'packet-outside'];

/** Compares two registers by order: how packet pointers are compared with data_end. */
function comparesOrder(insn: Insn): boolean {
  const code = insn.code & 0xf0;
  return insnClass(insn) === op.JMP && (insn.code & op.X) !== 0 && orders.includes(code);
}

const orders: readonly number[] = [op.JGT, op.JGE, op.JLT, op.JLE];

function sliceOf(
  program: ProgramSpec,
  failing: Insn,
  path: PathStep | undefined,
  { code, values }: Rejection,
): SliceStep[] {
  const acquired = values['insn'];
  if (heldAtExit.includes(code)) return typeof acquired === 'number' ? [{ insn: acquired, role: 'sets' }] : [];
  // The range of a packet pointer comes from the last comparison of any pointer that moves with it.
  let comparisons = packetRange.includes(code) ? 1 : 0;
  let wanted = usedRegisters(failing) & ~(1 << 10);
  const slots = new Set<number>();
  const steps: SliceStep[] = [];
  let looked = 0;
  for (
    let step = path?.before;
    step !== undefined && steps.length < maxSlice && looked < maxSteps;
    step = step.before
  ) {
    if (wanted === 0 && slots.size === 0) break;
    looked++;
    const insn = program.insns[step.insn];
    if (insn === undefined) continue;
    if (isConditionalJump(insn)) {
      const bounds = comparisons > 0 && comparesOrder(insn);
      if (bounds) comparisons--;
      if (bounds || (usedRegisters(insn) & wanted) !== 0) steps.push({ insn: step.insn, role: 'tests' });
      continue;
    }
    const cls = insnClass(insn);
    if ((cls === op.STX || cls === op.ST) && isStackAccess(insn, insn.dst) && slots.delete(insn.off)) {
      steps.push({ insn: step.insn, role: 'sets' });
      if (cls === op.STX) wanted |= 1 << insn.src;
      continue;
    }
    const written = writtenRegisters(insn);
    if ((written & wanted) === 0) continue;
    wanted &= ~written;
    steps.push({ insn: step.insn, role: 'sets' });
    if (isCall(insn)) continue;
    if (cls === op.LDX && isStackAccess(insn, insn.src)) slots.add(insn.off);
    else wanted |= usedRegisters(insn) & ~(1 << 10);
  }
  return steps.reverse();
}

/** Which variables the loops of a flow write: those get phis at the loop's head. */

import { loopBodies, type Order } from '../code/index.js';
import { type Insn, insnClass, op } from '../isa/index.js';
import { type Flow, type FlowBlock, type Step, variableOf } from './flow.js';

/** Answers for all loops of a flow. */
export interface LoopVariables {
  /** Is `head` the head of a loop that writes the variable? */
  changes(head: number, variable: number): boolean;
}

/**
 * Looks at every loop once. What it says is written may not be (an atomic operation without fetch): that costs a phi
 * that folds away, and is never wrong.
 */
export function loopVariables(flow: Flow, order: Order): LoopVariables {
  const written = new Map<number, Uint8Array>();
  const { position } = order;
  const bodies = loopBodies(order);
  for (const id of order.rpo) {
    const preds = order.preds[id] ?? [];
    if (!preds.some((pred) => (position[pred] as number) >= (position[id] as number))) continue;
    const marks = new Uint8Array(flow.variables);
    for (const member of bodies.get(id) ?? []) markWritten(flow, flow.blocks[member] as FlowBlock, marks);
    written.set(id, marks);
  }
  return { changes: (head, variable) => written.get(head)?.[variable] === 1 };
}

function markWritten(flow: Flow, block: FlowBlock, marks: Uint8Array): void {
  for (const step of block.steps) for (const variable of writtenBy(flow, block.depth, step)) marks[variable] = 1;
}

/** Variables that a step writes, by number. */
function writtenBy(flow: Flow, depth: number, step: Step): readonly number[] {
  switch (step.kind) {
    case 'insn':
      return writtenByInsn(flow.program.spec.insns[step.pc] as Insn, depth);
    case 'enter':
      return step.depth === 0 ? [] : [6, 7, 8, 9].map((r) => variableOf(r, step.depth));
    case 'loop begin':
      return [step.at, step.at + 1, step.at + 2];
    case 'walk begin':
      return [step.at, step.at + 1, step.at + 2];
    case 'walk next':
      return [step.at + 3];
    case 'loop next':
    case 'tail enter':
    case 'mean':
      return [step.at];
    case 'count':
      return [];
    case 'kfunc':
    case 'tail result':
      return [0];
    case 'loop call':
    case 'walk call':
    case 'loop end':
      return [0, 1, 2, 3, 4, 5];
  }
}

/** Registers that an instruction writes, in its frame. */
function writtenByInsn(insn: Insn, depth: number): readonly number[] {
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
    case op.LDX:
    case op.LD:
      return [variableOf(insn.dst, depth)];
    case op.STX:
      return (insn.code & 0xe0) === op.MODE_ATOMIC ? [variableOf(insn.src, depth), variableOf(insn.dst, depth), 0] : [];
    case op.ST:
      return [];
    default:
      return [0];
  }
}

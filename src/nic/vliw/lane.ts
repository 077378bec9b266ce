/**
 * What a lane computes, as a function of its operands. Arithmetic and comparisons mean here what they mean in the IR:
 * the instruction is lowered to values as any other code is, and those become functions by the operation table.
 */
import { InternalError } from '../../base/index.js';
import { Graph, immediate, lowerAlu, lowerJump, opTable, type Value } from '../../ir/index.js';
import { op } from '../../isa/index.js';
import type { Op } from './op.js';

/** Of two 64-bit operands; the second is that of the instruction, whose constant is in the function. */
export type Compute = (a: bigint, b: bigint) => bigint;

/** What an arithmetic operation leaves in its destination. */
export function arithmeticOf({ insn, imm64 }: Op): Compute {
  if (imm64 !== undefined) return () => imm64;
  const { graph, a, b } = operands();
  const second = (insn.code & op.X) !== 0 ? b : immediate(graph, insn);
  return functionOf(lowerAlu(graph, insn, a, second), a, b);
}

/** 1n where a branch or guard leaves, 0n where it does not. */
export function conditionOf({ insn, negated }: Op): Compute {
  const { graph, a, b } = operands();
  const second = (insn.code & op.X) !== 0 ? b : immediate(graph, insn);
  const condition = lowerJump(graph, insn, a, second);
  const test = functionOf(condition.value, a, b);
  return condition.negated !== negated ? (x, y) => 1n - test(x, y) : test;
}

/** Two leaves that stand for operands, in a graph that leaves values as they are lowered. */
function operands(): { readonly graph: Graph; readonly a: Value; readonly b: Value } {
  const graph = new Graph({ fold: false, share: false });
  return { graph, a: graph.environment(1), b: graph.environment(2) };
}

function functionOf(value: Value, a: Value, b: Value): Compute {
  if (value === a) return (x) => x;
  if (value === b) return (_, y) => y;
  if (value.op === 'const') {
    const { imm } = value;
    return () => imm;
  }
  const { evaluate } = opTable[value.op];
  const [left, right] = value.args;
  if (evaluate === undefined || left === undefined) throw new InternalError('vliw', `no lane computes ${value.op}`);
  const first = functionOf(left, a, b);
  if (right === undefined) return (x, y) => evaluate(first(x, y), 0n);
  const second = functionOf(right, a, b);
  return (x, y) => evaluate(first(x, y), second(x, y));
}

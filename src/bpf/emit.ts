/** Layout: blocks in a row, jumps with distances, branches turned so that control falls through where it can. */
import { type Insn, op } from '../isa/index.js';
import type { BlockEnd, MachineBlock, MachineCode } from './machine-code.js';
import { BpfRefusal } from './refusal.js';

/** Bytecode of a function, and where it comes from. */
export interface EmittedCode {
  readonly insns: readonly Insn[];
  /**
   * By slot: slot of the program that the instruction comes from, -1 where it comes from none in particular. For line
   * records.
   */
  readonly origins: readonly number[];
  /** Calls of functions and their addresses: slot here, and the slot in the old program that `imm` must lead to. */
  readonly functions: readonly { readonly at: number; readonly target: number }[];
  /** Bytes of the frame. */
  readonly frame: number;
}

/** Contrary jumps; `&` has none. */
const contrary: ReadonlyMap<number, number> = new Map(
  (
    [
      [op.JEQ, op.JNE],
      [op.JGT, op.JLE],
      [op.JGE, op.JLT],
      [op.JSGT, op.JSLE],
      [op.JSGE, op.JSLT],
    ] as const
  ).flatMap(([a, b]) => [
    [a, b],
    [b, a],
  ]),
);

/** `classic`: there are no `<` and `<=` (-mcpu=v1). Throws {@link BpfRefusal} where a jump is too long. */
export function emitCode(code: MachineCode, classic: boolean): EmittedCode {
  const order = layout(code);
  const insns: Insn[] = [];
  const origins: number[] = [];
  const functions: { at: number; target: number }[] = [];
  const starts = new Map<number, number>();
  const jumps: { readonly at: number; readonly to: number }[] = [];
  const push = (insn: Insn, pc: number): void => {
    insns.push(insn);
    origins.push(pc);
  };
  const jump = (insn: Insn, pc: number, to: number): void => {
    jumps.push({ at: insns.length, to });
    push(insn, pc);
  };
  const always: Insn = { code: op.JA_OP, dst: 0, src: 0, off: 0, imm: 0 };
  for (const [i, index] of order.entries()) {
    const block = code.blocks[index] as MachineBlock;
    starts.set(index, insns.length);
    for (const { insn, second, pc } of block.operations) {
      const isAddress = insn.code === op.LDDW && insn.src === op.PSEUDO_FUNC;
      const isCallOfOwn = insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL;
      if (isAddress || isCallOfOwn) functions.push({ at: insns.length, target: insn.imm });
      push(insn, pc);
      if (second !== undefined) push({ code: 0, dst: 0, src: 0, off: 0, imm: second }, pc);
    }
    const next = order[i + 1];
    const end = resolved(code, block.end);
    if (end.kind === 'exit') push({ code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 }, end.pc);
    else if (end.kind === 'jump') {
      if (end.to !== next) jump(always, -1, end.to);
    } else {
      const { insn, pc } = end.test;
      const turned = contrary.get(insn.code & 0xf0);
      const isNewer = turned === op.JLT || turned === op.JLE || turned === op.JSLT || turned === op.JSLE;
      if (end.yes === next && turned !== undefined && !(classic && isNewer))
        jump({ ...insn, code: (insn.code & ~0xf0) | turned }, pc, end.no);
      else {
        jump(insn, pc, end.yes);
        if (end.no !== next) jump(always, -1, end.no);
      }
    }
  }
  for (const { at, to } of jumps) {
    const off = (starts.get(to) ?? 0) - at - 1;
    if (off < -0x8000 || off > 0x7fff) throw new BpfRefusal('a jump that is too long');
    insns[at] = { ...(insns[at] as Insn), off };
  }
  return { insns, origins, functions, frame: code.frame };
}

/** Goes on to where an empty block would only jump to. */
function resolved(code: MachineCode, end: BlockEnd): BlockEnd {
  const final = (start: number): number => {
    let at = start;
    for (let steps = 0; steps < code.blocks.length; steps++) {
      const block = code.blocks[at] as MachineBlock;
      if (block.operations.length > 0 || block.end.kind !== 'jump') break;
      at = block.end.to;
    }
    return at;
  };
  if (end.kind === 'exit') return end;
  if (end.kind === 'jump') return { kind: 'jump', to: final(end.to) };
  const [yes, no] = [final(end.yes), final(end.no)];
  return yes === no ? { kind: 'jump', to: yes } : { ...end, yes, no };
}

/** Reverse postorder, with the way that a branch falls through to right behind it where that is free. */
function layout(code: MachineCode): number[] {
  const placed = new Set<number>();
  const order: number[] = [];
  const waiting = [0];
  for (let start = waiting.pop(); start !== undefined; start = waiting.pop()) {
    for (let at: number | undefined = start; at !== undefined && !placed.has(at); ) {
      placed.add(at);
      order.push(at);
      const end = resolved(code, (code.blocks[at] as MachineBlock).end);
      if (end.kind === 'exit') break;
      if (end.kind === 'branch') waiting.push(end.yes);
      const next: number = end.kind === 'jump' ? end.to : end.no;
      // A block that others lead to, too, waits for the last of them.
      if (end.kind === 'jump' && waiting.length > 0 && isJoin(code, next) && !isLast(code, next, placed)) {
        waiting.unshift(next);
        break;
      }
      at = next;
    }
  }
  return order;
}

const predecessors = new WeakMap<MachineCode, number[][]>();

function predecessorsOf(code: MachineCode): number[][] {
  let known = predecessors.get(code);
  if (known === undefined) {
    known = code.blocks.map((): number[] => []);
    for (const [i, block] of code.blocks.entries()) {
      const end = resolved(code, block.end);
      if (end.kind === 'jump') known[end.to]?.push(i);
      if (end.kind === 'branch') {
        known[end.yes]?.push(i);
        known[end.no]?.push(i);
      }
    }
    predecessors.set(code, known);
  }
  return known;
}

function isJoin(code: MachineCode, block: number): boolean {
  return (predecessorsOf(code)[block]?.length ?? 0) > 1;
}

function isLast(code: MachineCode, block: number, placed: ReadonlySet<number>): boolean {
  return predecessorsOf(code)[block]?.every((pred) => placed.has(pred)) === true;
}

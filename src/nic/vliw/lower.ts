/** From eBPF to operations of the core, in blocks; nothing is optimized here. */
import {
  calledHelper,
  followOrigins,
  idOf,
  isFunctionAddress,
  isHelperCall,
  isLocalCall,
  isTailCall,
  kindOf,
  leaders,
  type Origins,
  origin,
  successors,
} from '../../code/index.js';
import {
  accessSize,
  type Insn,
  insnClass,
  isCall,
  isExit,
  isLddw,
  isMayGoto,
  isUnconditionalJump,
  jumpTarget,
  lddwImm,
  op,
} from '../../isa/index.js';
import { argAccess } from '../../platform/index.js';
import { type Block, type CallEffects, type Op, plainOp } from './op.js';

/** A program that the core can't run, and the slot that says so. */
export interface Refusal {
  readonly what: string;
  readonly insn: number;
}

/** A program as blocks, the first of which it starts in. */
export interface Lowered {
  readonly blocks: Block[];
  readonly origins: Origins;
}

/** Why the core can't run a program, as published: the first of {@link insnRefusal}. */
export function refusalOf(insns: readonly Insn[]): Refusal | undefined {
  for (const [insn, each] of insns.entries()) {
    const what = insnRefusal(each);
    if (what !== undefined) return { what, insn };
  }
  return undefined;
}

/** Why the core can't run an instruction: no functions, no callbacks, no kernel functions, no `may_goto`. */
export function insnRefusal(insn: Insn): string | undefined {
  if (isLocalCall(insn)) return 'the core has no stack of calls: a function of the program is called';
  if (isFunctionAddress(insn) || calledHelper(insn)?.calls !== undefined)
    return 'the core has no stack of calls: a helper calls a function of the program';
  if (isCall(insn) && !isHelperCall(insn)) return 'the core has no kernel functions';
  if (isMayGoto(insn)) return 'the core has no `may_goto`';
  return insnClass(insn) === op.LD && !isLddw(insn) && insn.code !== 0 ? 'legacy packet load' : undefined;
}

/** Lowers a program that is not refused. */
export function lower(insns: readonly Insn[]): Lowered {
  const origins = followOrigins(insns);
  const heads = [...new Set([0, ...leaders(insns)])].filter((pc) => pc < insns.length).sort((a, b) => a - b);
  const blockAt = new Map(heads.map((pc, i) => [pc, i]));
  const blocks = heads.map((head, i): Block => {
    const end = heads[i + 1] ?? insns.length;
    const ops: Op[] = [];
    let last = head;
    for (let pc = head; pc < end; pc += isLddw(insns[pc] as Insn) ? 2 : 1) {
      last = pc;
      ops.push(lowerInsn(insns, pc, origins, blockAt));
    }
    const ahead = isExit(insns[last] as Insn) || isUnconditionalJump(insns[last] as Insn);
    return { ops, next: ahead ? -1 : (blockAt.get(successors(insns, last)[0] ?? -1) ?? -1) };
  });
  return { blocks, origins };
}

function lowerInsn(insns: readonly Insn[], pc: number, origins: Origins, blockAt: ReadonlyMap<number, number>): Op {
  const insn = insns[pc] as Insn;
  const target = (): number => blockAt.get(jumpTarget(insn, pc)) ?? -1;
  const access = { size: accessSize(insn), origin: origins.addressAt(pc) };
  switch (insnClass(insn)) {
    case op.LDX:
      return { ...plainOp('load', pc, insn), ...access };
    case op.ST:
      return { ...plainOp('store', pc, insn), ...access };
    case op.STX:
      return { ...plainOp((insn.code & 0xe0) === op.MODE_ATOMIC ? 'atomic' : 'store', pc, insn), ...access };
    case op.LD:
      return { ...plainOp('alu', pc, insn), imm64: lddwImm(insns, pc) };
    case op.ALU:
    case op.ALU64:
      return plainOp('alu', pc, insn);
    default:
      if (isExit(insn)) return plainOp('exit', pc, insn);
      if (isUnconditionalJump(insn)) return { ...plainOp('jump', pc, insn), target: target() };
      if (isCall(insn)) return { ...plainOp('call', pc, insn), effects: effectsOf(insn, pc, origins) };
      return { ...plainOp('branch', pc, insn), target: target(), origin: origins.addressAt(pc) };
  }
}

/** What a call reaches, by the helper's row and by what its arguments point to. */
function effectsOf(insn: Insn, pc: number, origins: Origins): CallEffects {
  const row = calledHelper(insn);
  if (row === undefined) return { packet: true, writesFrame: true, moves: true };
  let packet = row.moves !== undefined || row.changes?.includes('packet') === true || isTailCall(insn);
  let writesFrame = false;
  for (const [i, arg] of row.args.entries()) {
    const at = origins.argumentAt(pc, i + 1);
    const kind = kindOf(at);
    const access = argAccess(arg);
    // What is behind the context is the packet; a pointer of which nothing is known may be one into it.
    if (arg === 'ctx' || kind === origin.packet || kind === origin.packetPlus) packet = true;
    if (access === 'none') continue;
    if (kind === origin.any) packet = true;
    const isFrame = kind === origin.frame || kind === origin.framePlus || kind === origin.any;
    if (access !== 'read' && isFrame) writesFrame = true;
  }
  return { packet, writesFrame, moves: row.moves !== undefined || isTailCall(insn) };
}

/** Is an access one of the program's own frame, as far as is known? */
export function isFrameAccess({ origin: at }: Op): boolean {
  const kind = kindOf(at);
  return kind === origin.frame || kind === origin.framePlus || (kind === origin.any && idOf(at) === 0);
}

/** Which variables are read later: phis are made for those alone. Backward data flow over a {@link Flow}. */
import { type Insn, insnClass, op } from '../isa/index.js';
import { helperNames, xdpHelpers } from '../platform/index.js';
import { type Flow, type FlowBlock, type Step, variableOf } from './flow.js';
import type { Order } from './order.js';

/** Registers that an instruction reads and writes, one bit each. */
export function registersOf(insn: Insn): { readonly reads: number; readonly writes: number } {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const fromRegister = (insn.code & op.X) !== 0;
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64: {
      const kind = insn.code & 0xf0;
      if (kind === op.MOV) return { reads: fromRegister ? src : 0, writes: dst };
      if (kind === op.NEG || kind === op.END) return { reads: dst, writes: dst };
      return { reads: fromRegister ? dst | src : dst, writes: dst };
    }
    case op.LDX:
      return { reads: src, writes: dst };
    case op.LD:
      return { reads: 0, writes: dst };
    case op.ST:
      return { reads: dst, writes: 0 };
    case op.STX: {
      if ((insn.code & 0xe0) !== op.MODE_ATOMIC) return { reads: dst | src, writes: 0 };
      if (insn.imm === op.ATOMIC_LOAD_ACQ) return { reads: src, writes: dst };
      if (insn.imm === op.ATOMIC_CMPXCHG) return { reads: dst | src | 1, writes: 1 };
      return { reads: dst | src, writes: (insn.imm & op.ATOMIC_FETCH) !== 0 ? src : 0 };
    }
    default:
      if (insn.code === op.CALL_OP) return { reads: helperReads(insn.imm), writes: 0x3f };
      return { reads: fromRegister ? dst | src : dst, writes: 0 };
  }
}

/** bpf_trace_printk takes up to three arguments more than its prototype says. */
const tracePrintk = 6;

/** How many of r1 to r5 a helper looks at. */
export function argumentCount(helper: number): number {
  const name = helperNames[helper];
  const proto = name === undefined || helper === tracePrintk ? undefined : xdpHelpers[name];
  return proto?.args.length ?? 5;
}

function helperReads(helper: number): number {
  return ((1 << argumentCount(helper)) - 1) << 1;
}

/** Of each block, one byte a variable: 1 where it is live when the block begins. */
export function liveVariables(flow: Flow, order: Order): readonly Uint8Array[] {
  const { blocks, variables } = flow;
  const live = blocks.map(() => new Uint8Array(variables));
  const now = new Uint8Array(variables);
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = order.rpo.length - 1; i >= 0; i--) {
      const id = order.rpo[i] as number;
      const block = blocks[id] as FlowBlock;
      liveAtEnd(flow, block, live, now);
      for (let s = block.steps.length - 1; s >= 0; s--) before(flow, block.depth, block.steps[s] as Step, now);
      const known = live[id] as Uint8Array;
      for (let v = 0; v < variables; v++) {
        if (now[v] === 1 && known[v] === 0) {
          known[v] = 1;
          changed = true;
        }
      }
    }
  }
  return live;
}

function liveAtEnd(flow: Flow, block: FlowBlock, live: readonly Uint8Array[], now: Uint8Array): void {
  now.fill(0);
  const join = (id: number): void => {
    const other = live[id] as Uint8Array;
    for (let v = 0; v < now.length; v++) if (other[v] === 1) now[v] = 1;
  };
  const { end } = block;
  switch (end.kind) {
    case 'jump':
      join(end.to);
      return;
    case 'branch':
      join(end.yes);
      join(end.no);
      mark(flow.program.insns[end.pc] as Insn, block.depth, now);
      return;
    case 'loop check':
    case 'loop test':
      join(end.yes);
      join(end.no);
      for (let i = 0; i < 3; i++) now[end.at + i] = 1;
      return;
    case 'loop stop':
      join(end.yes);
      join(end.no);
      now[0] = 1;
      return;
    case 'tail call':
      join(end.to);
      for (let r = 1; r <= 3; r++) now[r] = 1;
      return;
    case 'return':
      now[0] = 1;
      return;
    case 'trap':
      return;
  }
}

function mark(insn: Insn, depth: number, now: Uint8Array): void {
  const { reads } = registersOf(insn);
  for (let r = 0; r < 10; r++) if ((reads & (1 << r)) !== 0) now[variableOf(r, depth)] = 1;
}

function before(flow: Flow, depth: number, step: Step, now: Uint8Array): void {
  switch (step.kind) {
    case 'insn': {
      const insn = flow.program.insns[step.pc] as Insn;
      const { writes } = registersOf(insn);
      for (let r = 0; r < 10; r++) if ((writes & (1 << r)) !== 0) now[variableOf(r, depth)] = 0;
      mark(insn, depth, now);
      return;
    }
    case 'enter':
      if (step.depth === 0) return;
      // The callee finds its caller's r6 to r9.
      for (let r = 6; r < 10; r++) {
        const inner = variableOf(r, step.depth);
        if (now[inner] === 1) now[variableOf(r, step.depth - 1)] = 1;
        now[inner] = 0;
      }
      return;
    case 'loop begin':
      for (let i = 0; i < 3; i++) now[step.at + i] = 0;
      for (let r = 1; r <= 4; r++) now[r] = 1;
      return;
    case 'loop call':
      for (let r = 1; r <= 5; r++) now[r] = 0;
      now[step.at] = 1;
      now[step.at + 1] = 1;
      return;
    case 'loop next':
      now[step.at] = 1;
      return;
    case 'loop end':
      now.fill(0, 0, 6);
      for (let i = 0; i < 3; i++) now[step.at + i] = 1;
      return;
  }
}

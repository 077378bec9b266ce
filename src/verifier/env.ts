/** What all checks of one verification share. */

import type { Insn } from '../isa/index.js';
import type { Btf, FunctionSpec, MapSpec, ProgramSpec } from '../object/index.js';
import type { ErrnoName } from '../platform/index.js';
import { maxCpus, maxPendingPaths } from '../platform/index.js';
import { LiveStack } from './live-stack.js';
import { forced } from './loops.js';
import { type MessageCode, type MessageValues, messages, messageText } from './messages.js';
import type { ProgramShape } from './program-shape.js';
import { noReg, type RegState } from './reg-state.js';
import { previousRound, widenChanged } from './state-equal.js';
import type { FrameState, VerifierState } from './verifier-state.js';

/** What the object file's BTF tells about maps and functions, asked for by whoever needs it. */
export interface TypeOracle {
  /**
   * Offset of a special field (`bpf_spin_lock`, `bpf_timer`, ...) in values of the map; undefined where there is none.
   */
  specialField(map: MapSpec, struct: string): number | undefined;
  /** Special fields of the map's values. */
  specialFields(map: MapSpec): readonly { readonly name: string; readonly offset: number; readonly size: number }[];
  /** Parameters of a global function; undefined where its BTF is missing. */
  signature(fn: FunctionSpec): FunctionSignature | undefined;
}

/**
 * What the BTF of a global function says of a parameter: global functions are verified by themselves, for any
 * argument of these types (btf_prepare_func_args). `mem` may be null where `nullable`; `unsupported` is refused when
 * the function is called or verified.
 */
export type ParamType =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'ctx' }
  | { readonly kind: 'mem'; readonly size: number; readonly nullable: boolean }
  | { readonly kind: 'unsupported'; readonly type: string };

/** Parameters in the order of r1 to r5, and what is in r0 afterwards. */
export interface FunctionSignature {
  readonly params: readonly ParamType[];
  readonly returns: 'scalar' | 'void' | 'other';
}

/**
 * Linux follows what is needed back through the path; at an argument of a global function it finds no instruction that
 * made it, gives up, and takes all numbers of the path for needed (mark_all_scalars_precise). Not where a state was
 * saved before the function's first instruction, which has the argument.
 */
export function needAll(state: VerifierState): void {
  let first = state.parent;
  while (first?.parent !== undefined) first = first.parent;
  if (first === undefined || first.atStart) return;
  for (let at = state.parent; at !== undefined; at = at.parent) {
    for (const { regs, stack } of at.state.frames) {
      for (const reg of regs) if (reg.kind === 'scalar') reg.trail.marked = true;
      for (const slot of stack) if (slot?.reg?.kind === 'scalar') slot.reg.trail.marked = true;
    }
  }
}

/** A refusal on its way to the explorer. */
export class Rejection extends Error {
  readonly code: MessageCode;
  readonly values: MessageValues;
  readonly insn: number;
  readonly errno: ErrnoName;

  /** `insn` -1: no instruction is at fault. `errno`: where the code has several. */
  constructor(code: MessageCode, values: MessageValues, insn: number, errno: ErrnoName = messages[code].errno) {
    super(messageText(code, values));
    this.code = code;
    this.values = values;
    this.insn = insn;
    this.errno = errno;
  }
}

/** A path that waits to be followed. */
export interface Pending {
  readonly insn: number;
  readonly previous: number;
  readonly state: VerifierState;
  /** Steps that led here, for explanations; shared prefix. */
  readonly path: PathStep | undefined;
  /** {@link Env.history} when it was left. */
  readonly history: number;
}

/** One step of the path taken, newest first. */
export interface PathStep {
  readonly insn: number;
  readonly before: PathStep | undefined;
}

/**
 * One verification under way: the program, the path that is being followed, paths that wait, and the counters that
 * Linux reports. Checks read and change it; what they refuse they throw ({@link Rejection}).
 */
export class Env {
  readonly program: ProgramSpec;
  readonly insns: readonly Insn[];
  readonly maps: readonly MapSpec[];
  readonly shape: ProgramShape;
  /** Which stack slots may still be read. */
  readonly live: LiveStack;
  readonly types: TypeOracle;
  readonly gpl: boolean;
  state: VerifierState;
  /** Slot of the instruction being checked. */
  pc = 0;
  previous = -1;
  processed = 0;
  /** Jumps, calls and exits checked. */
  jumps = 0;
  /** CPUs that the kernel may come to have. */
  cpus: number = maxCpus;
  /** Keep {@link path}? */
  tracksPath = false;
  /** Steps of the current path, newest first. */
  path: PathStep | undefined = undefined;
  /**
   * Instructions since the last checkpoint that Linux keeps in the path's history; a long history forces a checkpoint.
   */
  history = 0;
  /** Is the current instruction among them? */
  noted = false;
  /** Stack slots that instructions touched, whatever frame they lie in, until the log has told them. */
  readonly touchedSlots: Set<number> = new Set();
  /**
   * How often a check relied on a number: Linux then writes how it follows that back, between two lines of the log.
   */
  demands = 0;
  /** The instruction just checked left a callback: exploration goes back to its call site. */
  returnedFromCallback = false;
  /** The program is for a card, which lets it write the queue that a packet goes to. */
  isForDevice = false;
  /** Highest offset in the packet that an access may reach; -1 for none. */
  maxPacketOffset = -1;
  /** The kernel's types, where they are known. */
  kernelBtf: Btf | undefined = undefined;
  /** Kind of pointer that each load and store went through. */
  readonly accessKinds: (string | undefined)[] = [];
  pendings: Pending[] = [];
  /** Global functions that a verified path calls. */
  readonly calledGlobals: Set<number> = new Set();
  private ids = 0;

  constructor(
    program: ProgramSpec,
    maps: readonly MapSpec[],
    shape: ProgramShape,
    types: TypeOracle,
    gpl: boolean,
    state: VerifierState,
  ) {
    this.program = program;
    this.insns = program.insns;
    this.maps = maps;
    this.shape = shape;
    this.live = new LiveStack(program.insns, shape.subprogs, (pc) => shape.prunePoints[pc] === forced.callback);
    this.types = types;
    this.gpl = gpl;
    this.state = state;
  }

  /** The frame that runs. */
  get frame(): FrameState {
    return this.state.top;
  }

  /** Leaves another path for later. */
  push(insn: number, state: VerifierState): void {
    if (this.pendings.length >= maxPendingPaths) this.reject('too-many-jumps', { count: this.pendings.length + 1 });
    if (state.parent !== undefined) state.parent.branches++;
    const { path, history } = this;
    this.pendings.push({ insn, previous: this.pc, state, path, history });
  }

  /**
   * Notes the current instruction in the path's history: a jump's target, a register that is spilled or filled, a
   * comparison of linked numbers.
   */
  note(): void {
    if (this.noted) return;
    this.noted = true;
    this.history++;
  }

  /**
   * For a path that goes on into another round of the loop around the current instruction: gives up what changed since
   * the round before. The checkpoint that was saved just now, at this instruction, is not that round.
   */
  widenRound(next: VerifierState): void {
    const before = previousRound(this.state.parent?.parent, next, this.pc);
    if (before !== undefined) widenChanged(before.state, next);
  }

  /** A check relies on what is known of a number (mark_chain_precision). */
  need(reg: RegState): void {
    if (reg.kind !== 'scalar') return;
    this.demands++;
    if (reg.trail.mark()) needAll(this.state);
  }

  /** A load or store touches a slot of some frame's stack. */
  touchSlot(index: number): void {
    if (this.tracksPath) this.touchedSlots.add(index);
  }

  /** An id that nothing has yet. */
  newId(): number {
    return ++this.ids;
  }

  /** Ends this path, and with it the verification, at the current instruction. */
  reject(code: MessageCode, values: MessageValues = {}): never {
    throw new Rejection(code, values, this.pc);
  }

  /** The instruction at `pc`; every jump target was checked. */
  get insn(): Insn {
    return this.insns[this.pc] as Insn;
  }

  /** Register `i`, whatever it holds. */
  peek(i: number): RegState {
    return this.frame.regs[i] ?? noReg;
  }

  /** Register `i` as an operand: it must have been set. */
  read(i: number): RegState {
    if (i > 10) this.reject('bad-register', { reg: i });
    const reg = this.peek(i);
    if (reg.kind === 'none') this.reject('not-readable', { reg: i });
    return reg;
  }

  /** Refuses `i` as a destination where it cannot be one. */
  checkWritable(i: number): void {
    if (i > 10) this.reject('bad-register', { reg: i });
    if (i === 10) this.reject('frame-pointer-write');
  }

  /** Puts a value in a register. r10 is refused before (checkWritable). */
  write(i: number, reg: RegState): void {
    this.checkWritable(i);
    this.frame.regs[i] = reg;
  }
}

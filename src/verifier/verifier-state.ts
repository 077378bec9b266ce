/** The abstract machine at one point of one path: frames, held references, locks. */
import type { Needs } from './finished-state.js';
import type { LoopVisit } from './loops.js';
import { noReg, type RegState } from './reg-state.js';
import type { StackSlot } from './stack-state.js';

/** What a frame that runs a callback is for. */
export interface CallbackInfo {
  /** Helper that calls back. */
  readonly helper: string;
  /** Asynchronous callbacks (timers) end their path instead of returning. */
  readonly async: boolean;
  readonly returnMin: bigint;
  readonly returnMax: bigint;
}

/**
 * A call frame (struct bpf_func_state). Written in place by the path that it belongs to; registers and slots in it
 * are values, so a copy is shallow.
 */
export class FrameState {
  /** r0 to r10. */
  readonly regs: RegState[];
  readonly stack: (StackSlot | undefined)[];
  /** Slot of the call that made this frame; -1 for the outermost. */
  readonly callsite: number;
  /** Index in the program's functions. */
  readonly subprog: number;
  readonly callback: CallbackInfo | undefined;
  /** Rounds of a bpf_loop of known count already verified from this frame. */
  callbackDepth = 0;

  constructor(
    regs: RegState[],
    stack: (StackSlot | undefined)[],
    callsite: number,
    subprog: number,
    callback?: CallbackInfo,
  ) {
    this.regs = regs;
    this.stack = stack;
    this.callsite = callsite;
    this.subprog = subprog;
    this.callback = callback;
  }

  /** Shallow: what the arrays hold is shared, and never changed. */
  copy(): FrameState {
    const copy = new FrameState(this.regs.slice(), this.stack.slice(), this.callsite, this.subprog, this.callback);
    copy.callbackDepth = this.callbackDepth;
    return copy;
  }

  /** Makes room for `slots` slots: a frame is as deep as its lowest access, whatever that did. */
  growStack(slots: number): void {
    while (this.stack.length < slots) this.stack.push(undefined);
  }

  /** Register `i`. Every index that instruction decoding lets through (0 to 10) exists. */
  reg(i: number): RegState {
    return this.regs[i] ?? noReg;
  }
}

/** Something that must be given back before the program ends. */
export interface HeldRef {
  readonly id: number;
  /** Slot of the instruction that acquired it. */
  readonly insn: number;
}

/**
 * All of the abstract machine that a path carries along (struct bpf_verifier_state). Two paths that come to a slot
 * with states of which one covers the other need not both go on (state-equal.ts).
 */
export class VerifierState {
  readonly frames: FrameState[];
  refs: readonly HeldRef[];
  /** The held spin lock: which map value. */
  lock: { readonly id: number; readonly map: unknown } | undefined = undefined;
  /** How many callbacks deep this path has unrolled. */
  unrollDepth = 0;
  /** How often this path went on at a `may_goto`. */
  mayGotoDepth = 0;
  /** The checkpoint that this path passed last. */
  parent: Checkpoint | undefined = undefined;

  constructor(frames: FrameState[], refs: readonly HeldRef[]) {
    this.frames = frames;
    this.refs = refs;
  }

  /** Frames below the top one; 0 in the main program. */
  get depth(): number {
    return this.frames.length - 1;
  }

  get top(): FrameState {
    return this.frames[this.frames.length - 1] as FrameState; // a state has at least one frame
  }

  /** For a path that parts from this one. */
  copy(): VerifierState {
    const copy = new VerifierState(
      this.frames.map((frame) => frame.copy()),
      this.refs,
    );
    copy.lock = this.lock;
    copy.unrollDepth = this.unrollDepth;
    copy.mayGotoDepth = this.mayGotoDepth;
    copy.parent = this.parent;
    return copy;
  }

  /** Replaces every register and spilled register, in all frames, by what `change` makes of it. */
  mapRegs(change: (reg: RegState) => RegState): void {
    for (const frame of this.frames) {
      for (let i = 0; i < frame.regs.length; i++) {
        const reg = frame.reg(i);
        if (reg.kind === 'none') continue;
        const to = change(reg);
        if (to !== reg) frame.regs[i] = to;
      }
      for (let i = 0; i < frame.stack.length; i++) {
        const slot = frame.stack[i];
        if (slot?.reg === undefined) continue;
        const to = change(slot.reg);
        if (to !== slot.reg) frame.stack[i] = slot.withReg(to);
      }
    }
  }
}

/** A saved state: later paths that arrive with an equal one need not be followed. */
export interface Checkpoint {
  readonly state: VerifierState;
  readonly insn: number;
  readonly parent: Checkpoint | undefined;
  /** Saved before the first instruction was checked. */
  readonly atStart: boolean;
  /** Paths from here that are not finished. */
  branches: number;
  hits: number;
  misses: number;
  /** The stay in a loop that it belongs to; undefined outside of loops. */
  readonly visit: LoopVisit | undefined;
  /** Position in the current path, to tell ancestors. */
  readonly depth: number;
  /** What all paths from here turned out to need, once they are finished and somebody asked. */
  needs: Needs | undefined;
}

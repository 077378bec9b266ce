/**
 * Which stack slots may still be read (kernel/bpf/liveness.c): what the comparison of states asks of each slot of a
 * finished one.
 *
 * Idea: reads and writes are noted by instruction, not by path. For an instruction under a chain of calls, a slot *may
 * be read* if some path read it there, and *is written* if every path that came there overwrote all of it; live slots
 * follow from these over the flow graph, as registers' do. A slot that one path read is therefore live for all states
 * at its instructions, and is compared even where no path from the state at hand read it.
 *
 * Chains of calls are told apart: a function may write its caller's slot under one call and leave it under another. At
 * each function's end what it reads and surely writes of its callers' frames becomes the call's own.
 *
 * Invariants:
 * 1. `mayRead` only grows and `written` only shrinks after an instruction's first visit, so what was live stays live.
 * 2. {@link LiveStack.update} runs at the end of each path and function: a state from which no path is left has
 * everything noted and spread that its paths did.
 */
import { isTailCall, successors } from '../code/index.js';
import type { Insn } from '../isa/index.js';
import type { Subprog } from './program-shape.js';
import type { FrameState, VerifierState } from './verifier-state.js';

/** Slots of a frame as bits: 0 to 31 and 32 to 63. */
interface SlotSet {
  low: number;
  high: number;
}

/** The same, of a set that is done. */
export type Slots = Readonly<SlotSet>;

/** Is the slot in the set? */
export function has(slots: Slots, slot: number): boolean {
  return ((slot < 32 ? slots.low >>> slot : slots.high >>> (slot - 32)) & 1) === 1;
}

/**
 * What is known of one frame's slots at each instruction of a function: two words an instruction, the low one first.
 */
class FrameMasks {
  readonly mayRead: Uint32Array;
  readonly written: Uint32Array;
  /** Written by the instruction or after it, on every way to the function's end. */
  readonly writtenLater: Uint32Array;
  readonly liveBefore: Uint32Array;

  constructor(insns: number) {
    this.mayRead = new Uint32Array(2 * insns);
    this.written = new Uint32Array(2 * insns);
    this.writtenLater = new Uint32Array(2 * insns);
    this.liveBefore = new Uint32Array(2 * insns);
  }
}

/** A function as one chain of calls came to it. */
class Instance {
  readonly subprog: Subprog;
  /** Instance of the caller; undefined for the outermost function. */
  readonly outer: Instance | undefined;
  /** Slot of the call; -1 for the outermost function. */
  readonly callsite: number;
  /** Frames below this function's own. */
  readonly depth: number;
  /** By frame, the outermost first; only those that something was noted of. */
  readonly frames: (FrameMasks | undefined)[];
  /** By instruction: was it noted what it writes? */
  readonly visited: Uint8Array;
  /** Functions called from here, by call and callee. */
  readonly inner: Map<number, Instance> = new Map();
  /** Something was noted since it was last spread. */
  changed = false;
  /** Something that was written on all paths no longer is. */
  lost = false;

  constructor(subprog: Subprog, outer: Instance | undefined, callsite: number) {
    this.subprog = subprog;
    this.outer = outer;
    this.callsite = callsite;
    this.depth = outer === undefined ? 0 : outer.depth + 1;
    this.frames = new Array(this.depth + 1).fill(undefined);
    this.visited = new Uint8Array(subprog.end - subprog.start);
  }

  /** The masks of a frame, made when first asked for. */
  masks(frame: number): FrameMasks {
    let found = this.frames[frame];
    if (found === undefined) {
      found = new FrameMasks(this.subprog.end - this.subprog.start);
      this.frames[frame] = found;
    }
    return found;
  }
}

/** Instructions of a function, those that follow first, and where each leads. */
interface Flow {
  readonly order: Int32Array;
  /** Positions within the function of the one or two instructions after each; -1 where there is none. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** 1 for a call after which the function may end at once. */
  readonly mayEnd: Uint8Array;
}

/** Frames deeper than this are refused (MAX_CALL_FRAMES). */
const mostFrames = 8;

/** Live stack slots of a program, by instruction and chain of calls: made once, asked where states are compared. */
export class LiveStack {
  private readonly insns: readonly Insn[];
  private readonly subprogs: readonly Subprog[];
  /** Does the call at a slot run a callback? */
  private readonly callsBack: (pc: number) => boolean;
  private readonly roots: Map<number, Instance> = new Map();
  private readonly flows: Map<Subprog, Flow> = new Map();
  /** The running function's instance; undefined until it is asked for. */
  private current: Instance | undefined;
  /** Slots that the instruction being checked overwrote, by frame. */
  private readonly writes: readonly SlotSet[] = Array.from({ length: mostFrames }, () => ({ low: 0, high: 0 }));

  constructor(insns: readonly Insn[], subprogs: readonly Subprog[], callsBack: (pc: number) => boolean) {
    this.insns = insns;
    this.subprogs = subprogs;
    this.callsBack = callsBack;
  }

  /** Another function runs now, or another path. */
  moved(): void {
    this.current = undefined;
  }

  /** An instruction is about to be checked that may write to the stack. */
  begin(): void {
    for (const set of this.writes) {
      set.low = 0;
      set.high = 0;
    }
  }

  /** The instruction overwrites all of a slot. */
  write(frame: number, slot: number): void {
    const set = this.writes[frame] as SlotSet; // frames are few
    if (slot < 32) set.low |= 1 << slot;
    else set.high |= 1 << (slot - 32);
  }

  /** The instruction at `pc` reads of a slot. */
  read(state: VerifierState, pc: number, frame: number, slot: number): void {
    const instance = this.now(state);
    const at = pc - instance.subprog.start;
    if (slot < 32) noteRead(instance, frame, at, 1 << slot, 0);
    else noteRead(instance, frame, at, 0, 1 << (slot - 32));
  }

  /**
   * The instruction at `pc` was checked: what it wrote on all paths is known as far as they have come. A call of a
   * function of the program writes what the function does, which its end tells.
   */
  end(state: VerifierState, pc: number): void {
    this.commit(this.now(state), pc);
  }

  private commit(instance: Instance, pc: number): void {
    const at = pc - instance.subprog.start;
    const seen = instance.visited[at] === 1;
    for (let frame = 0; frame <= instance.depth; frame++) {
      const set = this.writes[frame] as SlotSet; // frames are few
      if (set.low === 0 && set.high === 0 && instance.frames[frame] === undefined) continue;
      const { written } = instance.masks(frame);
      const low = written[2 * at] as number;
      const high = written[2 * at + 1] as number;
      const nextLow = (seen ? low & set.low : set.low) >>> 0;
      const nextHigh = (seen ? high & set.high : set.high) >>> 0;
      if (nextLow === low && nextHigh === high) continue;
      written[2 * at] = nextLow;
      written[2 * at + 1] = nextHigh;
      instance.changed = true;
      if ((low & ~nextLow) !== 0 || (high & ~nextHigh) !== 0) instance.lost = true;
    }
    instance.visited[at] = 1;
  }

  /** A path or function of `state` ends: spreads what was noted in the functions that are on it. */
  update(state: VerifierState): void {
    this.current = undefined;
    for (let instance: Instance | undefined = this.now(state); instance !== undefined; instance = instance.outer) {
      if (!instance.changed) continue;
      this.spread(instance);
      instance.changed = false;
      instance.lost = false;
    }
    this.current = undefined;
  }

  /** Live slots of a frame in a state that is about to run the instruction at `pc`. */
  alive(state: VerifierState, pc: number, frame: number): Slots {
    const chain = this.chain(state);
    const top = chain.length - 1;
    const all = { low: 0, high: 0 };
    addLive(all, chain[top], pc, frame);
    for (let depth = frame; depth < top; depth++) {
      const callsite = state.frames[depth + 1]?.callsite ?? 0;
      addLive(all, chain[depth], this.callsBack(callsite) ? callsite : callsite + 1, frame);
    }
    return all;
  }

  private now(state: VerifierState): Instance {
    this.current ??= this.chain(state)[state.frames.length - 1];
    return this.current as Instance; // a state has at least one frame
  }

  /** Instances of all frames, the outermost first. */
  private chain({ frames }: VerifierState): Instance[] {
    const found: Instance[] = [];
    for (const { subprog, callsite } of frames as readonly FrameState[]) {
      const outer = found.at(-1);
      const siblings = outer?.inner ?? this.roots;
      const key = (callsite + 1) * this.subprogs.length + subprog;
      let instance = siblings.get(key);
      if (instance === undefined) {
        instance = new Instance(this.subprogs[subprog] as Subprog, outer, callsite); // frames name functions
        siblings.set(key, instance);
      }
      found.push(instance);
    }
    return found;
  }

  /** Live slots of the function's frames from what its instructions do, and what they do to the caller's. */
  private spread(instance: Instance): void {
    if (instance.lost) for (const masks of instance.frames) masks?.writtenLater.fill(0);
    const flow = this.flowOf(instance.subprog);
    for (const masks of instance.frames) if (masks !== undefined) solve(masks, flow);
    const { outer, callsite } = instance;
    if (outer === undefined) return;
    this.begin();
    for (let frame = 0; frame < instance.depth; frame++) {
      const masks = instance.frames[frame];
      if (masks === undefined) continue;
      const set = this.writes[frame] as SlotSet; // frames are few
      set.low |= masks.writtenLater[0] as number;
      set.high |= masks.writtenLater[1] as number;
      const at = callsite - outer.subprog.start;
      noteRead(outer, frame, at, masks.liveBefore[0] as number, masks.liveBefore[1] as number);
    }
    this.commit(outer, callsite);
  }

  private flowOf(subprog: Subprog): Flow {
    let flow = this.flows.get(subprog);
    if (flow === undefined) {
      flow = flowOf(this.insns, subprog);
      this.flows.set(subprog, flow);
    }
    return flow;
  }
}

function noteRead(instance: Instance, frame: number, at: number, low: number, high: number): void {
  if (low === 0 && high === 0) return;
  const { mayRead } = instance.masks(frame);
  const nextLow = ((mayRead[2 * at] as number) | low) >>> 0;
  const nextHigh = ((mayRead[2 * at + 1] as number) | high) >>> 0;
  if (nextLow === mayRead[2 * at] && nextHigh === mayRead[2 * at + 1]) return;
  mayRead[2 * at] = nextLow;
  mayRead[2 * at + 1] = nextHigh;
  instance.changed = true;
}

function addLive(all: SlotSet, instance: Instance | undefined, pc: number, frame: number): void {
  const masks = instance?.frames[frame];
  if (instance === undefined || masks === undefined) return;
  const at = pc - instance.subprog.start;
  all.low |= masks.liveBefore[2 * at] ?? 0;
  all.high |= masks.liveBefore[2 * at + 1] ?? 0;
}

/** The usual equations of live variables, and those of what is surely written, until nothing changes. */
function solve(masks: FrameMasks, { order, first, second, mayEnd }: Flow): void {
  const { mayRead, written, writtenLater, liveBefore } = masks;
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 0; i < order.length; i++) {
      const at = order[i] as number; // i is in range
      const a = first[at] as number;
      if (a < 0) continue;
      const b = second[at] as number;
      for (let word = 0; word < 2; word++) {
        const own = 2 * at + word;
        let after = liveBefore[2 * a + word] as number;
        let later = writtenLater[2 * a + word] as number;
        if (b >= 0) {
          after |= liveBefore[2 * b + word] as number;
          later &= writtenLater[2 * b + word] as number;
        }
        if (mayEnd[at] === 1) later = 0;
        const live = ((after & ~(written[own] as number)) | (mayRead[own] as number)) >>> 0;
        later = (later | (written[own] as number)) >>> 0;
        if (live === liveBefore[own] && later === writtenLater[own]) continue;
        liveBefore[own] = live;
        writtenLater[own] = later;
        changed = true;
      }
    }
  }
}

/** A function's instructions in postorder of its flow graph. */
function flowOf(insns: readonly Insn[], { start, end }: Subprog): Flow {
  const size = end - start;
  const [first, second] = [new Int32Array(size).fill(-1), new Int32Array(size).fill(-1)];
  const mayEnd = new Uint8Array(size);
  for (let at = 0; at < size; at++) {
    const [a, b] = successors(insns, start + at);
    if (a !== undefined) first[at] = a - start;
    if (b !== undefined) second[at] = b - start;
    if (isTailCall(insns[start + at] as Insn)) mayEnd[at] = 1; // at is in range
  }
  const order: number[] = [];
  /** 0 not met, 1 its first successor is next, 2 its second, 3 done. */
  const stage = new Uint8Array(size);
  const path = [0];
  stage[0] = 1;
  for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
    const next = stage[at] === 1 ? first[at] : stage[at] === 2 ? second[at] : undefined;
    if (next === undefined) {
      order.push(at);
      path.pop();
      continue;
    }
    stage[at] = (stage[at] as number) + 1; // on the path
    if (next < 0 || stage[next] !== 0) continue;
    stage[next] = 1;
    path.push(next);
  }
  return { order: Int32Array.from(order), first, second, mayEnd };
}

/**
 * The control flow of a whole program as one graph of blocks of instructions, before there are values. Functions of
 * the program are not called but
 * copied: each call site has its own copy of the callee's blocks, one frame deeper, and so has each `bpf_loop` whose
 * callback is known, as a loop around it. BPF has neither recursion nor computed calls, so this ends; what makes it
 * large is refused ({@link Unsupported}). It buys much: a frame's address is a constant everywhere, and what a caller
 * passes by reference stays as visible as its own variables.
 *
 * Registers become variables: r0 to r5 are shared by all frames as in hardware, r6 to r9 exist once a frame.
 */

import { type CounterPlan, isTailCall, leaders } from '../code/index.js';
import { type Insn, insnClass, isConditionalJump, isLddw, isUnconditionalJump, jumpTarget, op } from '../isa/index.js';
import { helperId, kfuncNumber, maxFrames, maxLoops } from '../platform/index.js';
import { type Program, referenceAt, type World, withoutReferences } from './world.js';

/** Why a program is not compiled; it runs in the interpreter instead. */
export class Unsupported extends Error {
  readonly insn: number;

  constructor(what: string, insn: number) {
    super(what);
    this.insn = insn;
  }
}

/**
 * What a block does, in order: an instruction of the program, or what stands for a call that was copied in. Loops
 * around callbacks keep their state in variables of their own, so they nest.
 */
export type Step =
  | { readonly kind: 'insn'; readonly pc: number }
  /** Opens the frame of `depth`, cleared. */
  | { readonly kind: 'enter'; readonly depth: number }
  /** bpf_loop: remembers count, context and flags in the variables `at` to `at` + 2, and starts counting. */
  | { readonly kind: 'loop begin'; readonly at: number }
  /** Sets up the callback's arguments. */
  | { readonly kind: 'loop call'; readonly at: number }
  | { readonly kind: 'loop next'; readonly at: number }
  /** r0 of the whole bpf_loop: iterations done, or the error number of impossible arguments. */
  | { readonly kind: 'loop end'; readonly at: number; readonly failed: boolean }
  /**
   * bpf_for_each_map_elem, as bpf_loop: remembers the map and the context in `at` + 1 and `at` + 2, and starts
   * counting in `at`.
   */
  | { readonly kind: 'walk begin'; readonly at: number; readonly level: number; readonly pc: number }
  /** Variable `at` + 3: address of the next element's value, or 0. */
  | { readonly kind: 'walk next'; readonly at: number; readonly level: number; readonly pc: number }
  | { readonly kind: 'walk call'; readonly at: number; readonly level: number; readonly pc: number }
  /**
   * bpf_tail_call in a function: variable `at` is 1 once the other program has run in this function's place, 0 where
   * the call fails.
   */
  | { readonly kind: 'tail enter'; readonly at: number; readonly pc: number }
  /** Adds 1 to the program's counter of that number. */
  | { readonly kind: 'count'; readonly counter: number; readonly pc: number }
  /** Calls a kernel function as a helper, under the number that engines have for it. */
  | { readonly kind: 'kfunc'; readonly pc: number }
  /** r0: what the other program returned. */
  | { readonly kind: 'tail result'; readonly pc: number }
  /** Sets variable `at`: which entry of a loop is meant. See single-entry.ts. */
  | { readonly kind: 'mean'; readonly at: number; readonly value: number };

/**
 * How control leaves a block. `yes` and `no` are ids of blocks, and differ; conditions that no instruction states are
 * on variables.
 */
export type FlowEnd =
  | { readonly kind: 'jump'; readonly to: number }
  /** By the conditional jump at `pc`. */
  | { readonly kind: 'branch'; readonly pc: number; readonly yes: number; readonly no: number }
  | { readonly kind: 'loop check'; readonly at: number; readonly yes: number; readonly no: number }
  | { readonly kind: 'loop test'; readonly at: number; readonly yes: number; readonly no: number }
  /** Variable `at` is not 0. */
  | { readonly kind: 'walk test'; readonly at: number; readonly yes: number; readonly no: number }
  /** By what variable `at` means. */
  | { readonly kind: 'meant'; readonly at: number; readonly value: number; readonly yes: number; readonly no: number }
  /** r0 is not 0. */
  | { readonly kind: 'loop stop'; readonly yes: number; readonly no: number }
  /** bpf_tail_call in the main function; goes on where it fails. */
  | { readonly kind: 'tail call'; readonly pc: number; readonly to: number }
  | { readonly kind: 'return' }
  | { readonly kind: 'trap'; readonly pc: number; readonly what: string; readonly unsupported: boolean };

/** Steps without a way in or out between them. Of each copy of a function there is one for each of its leaders. */
export interface FlowBlock {
  readonly id: number;
  /** Call depth. */
  readonly depth: number;
  readonly steps: Step[];
  end: FlowEnd;
}

/**
 * Variables of a function: r0 to r5, then r6 to r9 of each depth, then three for each bpf_loop and four for each walk
 * over a map, then one for each loop of several entries.
 */
export function variableOf(register: number, depth: number): number {
  return register <= 5 ? register : 6 + 4 * depth + (register - 6);
}

/** First variable that is no register: those of loops follow, in the order in which they are copied. */
export const firstLoopVariable: number = 6 + 4 * maxFrames;

/** A program without calls. Block 0 is the entry. */
export interface Flow {
  readonly program: Program;
  readonly blocks: readonly FlowBlock[];
  /** Number of variables. */
  readonly variables: number;
}

/** Instructions, copies included, that are still compiled. */
const maxInsns = 40_000;

/** What is asked about the program's code while it is copied; a verifier's facts make the graph smaller. */
export interface FlowOptions {
  /** What is wrong with the encoding of a slot, if anything. */
  readonly fault: (insns: readonly Insn[], pc: number) => string | undefined;
  /** Which ways a conditional jump can go. */
  readonly waysOf: (pc: number) => { readonly taken: boolean; readonly fallThrough: boolean };
  /**
   * Only the function that begins at this slot, its calls as calls of whatever kind: what is made into bytecode again.
   * Undefined: the whole program, with copies of what it calls.
   */
  readonly only?: number | undefined;
  /** What is counted as the program runs; default nothing. */
  readonly counters?: CounterPlan | undefined;
}

/**
 * Copies a program together. Throws {@link Unsupported}; its time and size grow with the copies, which a limit
 * bounds.
 */
export function buildFlow(world: World, program: Program, options: FlowOptions): Flow {
  return new FlowBuilder(world, program, options).build();
}

/**
 * What keeps a program from being translated, as far as its instructions tell; undefined: nothing. Takes a fraction of
 * the time of a translation.
 */
export function unsupportedIn(world: World, program: Program): Unsupported | undefined {
  try {
    buildFlow(world, program, { fault: () => undefined, waysOf: () => ({ taken: true, fallThrough: true }) });
    return undefined;
  } catch (error) {
    if (error instanceof Unsupported) return error;
    throw error;
  }
}

/** A loop around the copy of a callback. */
interface CallbackLoop {
  /** Its first variable. */
  readonly at: number;
  readonly head: FlowBlock;
  readonly body: FlowBlock;
  /** Where it ends, and where the code goes on after that. */
  readonly done: FlowBlock;
  readonly after: FlowBlock;
}

/** The frame's rounds of `may_goto`: the variable that counts them, and two behind it the most; made when needed. */
interface Rounds {
  at: number | undefined;
}

/** What a block's copy has to know of the function it is part of. */
interface Place {
  /** Id of the block for a slot. */
  readonly blockAt: (pc: number) => number;
  /** Where the function's exits go. */
  readonly after: number | undefined;
  readonly rounds: Rounds;
}

/** Copies functions into one graph, call site by call site. */
class FlowBuilder {
  private readonly world: World;
  private readonly program: Program;
  private readonly insns: readonly Insn[];
  /** For the question whether they are encoded right. */
  private readonly plain: readonly Insn[];
  private readonly options: FlowOptions;
  private readonly blocks: FlowBlock[] = [];
  private readonly leaders: ReadonlySet<number>;
  private variables = firstLoopVariable;
  private copied = 0;
  /** Walks over maps around the code that is copied. */
  private walks = 0;

  constructor(world: World, program: Program, options: FlowOptions) {
    const { insns } = program.spec;
    this.world = world;
    this.program = program;
    this.insns = insns;
    this.plain = withoutReferences(world, insns);
    this.options = options;
    this.leaders = leaders(insns, options.only === undefined ? isTailCall : undefined);
  }

  build(): Flow {
    const entry = this.block(0);
    const { only } = this.options;
    // A frame is cleared here, not on Linux.
    if (only === undefined) entry.steps.push({ kind: 'enter', depth: 0 });
    entry.end = { kind: 'jump', to: this.copyFunction(only ?? 0, 0, undefined) };
    return {
      program: this.program,
      blocks: this.blocks,
      variables: this.variables,
    };
  }

  private block(depth: number): FlowBlock {
    const block: FlowBlock = { id: this.blocks.length, depth, steps: [], end: { kind: 'return' } };
    this.blocks.push(block);
    return block;
  }

  /** Copies the function at slot `start`; its exits go to block `after`. Returns the id of its first block. */
  private copyFunction(start: number, depth: number, after: number | undefined): number {
    const known = new Map<number, number>();
    const rounds: Rounds = { at: undefined };
    const work: [number, FlowBlock][] = [];
    const blockAt = (pc: number): number => {
      const id = known.get(pc);
      if (id !== undefined) return id;
      const block = this.block(depth);
      known.set(pc, block.id);
      work.push([pc, block]);
      return block.id;
    };
    const first = blockAt(start);
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      this.copyBlock(next[0], next[1], { blockAt, after, rounds });
    }
    return this.countRounds(first, depth, rounds);
  }

  /** The block in front of a function in which its frame's count of `may_goto` begins, where it has one. */
  private countRounds(first: number, depth: number, { at }: Rounds): number {
    if (at === undefined) return first;
    const start = this.block(depth);
    start.steps.push({ kind: 'mean', at, value: 0 }, { kind: 'mean', at: at + 2, value: maxLoops });
    start.end = { kind: 'jump', to: first };
    return start.id;
  }

  /** `may_goto`: on to the next instruction, `maxLoops` times in a frame; then it jumps. */
  private copyMayGoto(block: FlowBlock, rounds: Rounds, next: number, leave: number): void {
    if (rounds.at === undefined) {
      rounds.at = this.variables;
      this.variables += 3;
    }
    const { at } = rounds;
    const counted = this.block(block.depth);
    counted.steps.push({ kind: 'loop next', at });
    counted.end = { kind: 'jump', to: next };
    block.end = { kind: 'loop test', at, yes: counted.id, no: leave };
  }

  /** The block that the jump at `pc` goes to, or one in front of it that counts that it does. */
  private jumped(pc: number, depth: number, to: number): number {
    const counter = this.options.counters?.jumps.get(pc);
    if (counter === undefined) return to;
    const block = this.block(depth);
    block.steps.push({ kind: 'count', counter, pc });
    block.end = { kind: 'jump', to };
    return block.id;
  }

  /** Steps from `start` on, up to the next leader. */
  private copyBlock(start: number, begin: FlowBlock, { blockAt, after, rounds }: Place): void {
    let block = begin;
    const { counters } = this.options;
    const counter = counters?.blocks.get(start);
    if (counter !== undefined) block.steps.push({ kind: 'count', counter, pc: start });
    for (let pc = start; ; ) {
      if (pc !== start && this.leaders.has(pc)) {
        block.end = { kind: 'jump', to: blockAt(pc) };
        return;
      }
      const fault = this.options.fault(this.plain, pc);
      const insn = this.insns[pc];
      if (insn === undefined || fault !== undefined) {
        const what = insn === undefined ? 'jump out of the program, or no exit at its end' : (fault ?? '');
        block.end = { kind: 'trap', pc, what, unsupported: false };
        return;
      }
      if (++this.copied > maxInsns) throw new Unsupported('it is too large when its functions are copied', pc);
      if (isUnconditionalJump(insn)) {
        block.end = { kind: 'jump', to: blockAt(jumpTarget(insn, pc)) };
        return;
      }
      if (isConditionalJump(insn)) {
        if ((insn.code & 0xf0) === op.JCOND) {
          this.copyMayGoto(block, rounds, blockAt(pc + 1), this.jumped(pc, block.depth, blockAt(jumpTarget(insn, pc))));
          return;
        }
        const { taken, fallThrough } = this.options.waysOf(pc);
        const target = taken ? this.jumped(pc, block.depth, blockAt(jumpTarget(insn, pc))) : undefined;
        const yes = target ?? blockAt(pc + 1);
        const no = fallThrough || target === undefined ? blockAt(pc + 1) : target;
        block.end = yes === no ? { kind: 'jump', to: no } : { kind: 'branch', pc, yes, no };
        return;
      }
      if (insn.code === op.EXIT_OP) {
        block.end = after === undefined ? { kind: 'return' } : { kind: 'jump', to: after };
        return;
      }
      if (insn.code === op.CALL_OP) {
        const next = this.copyCall(insn, pc, block, { blockAt, after });
        if (next === undefined) return;
        block = next;
      } else {
        block.steps.push({ kind: 'insn', pc });
      }
      pc += isLddw(insn) ? 2 : 1;
    }
  }

  /** The block in which the code goes on, or undefined if that is a block of its own already. */
  private copyCall(
    insn: Insn,
    pc: number,
    block: FlowBlock,
    { blockAt, after: exit }: Pick<Place, 'blockAt' | 'after'>,
  ): FlowBlock | undefined {
    const { depth } = block;
    if (this.options.only !== undefined) {
      block.steps.push({ kind: 'insn', pc });
      return block;
    }
    if (insn.src === op.CALL_KFUNC) {
      if (kfuncNumber(this.program.spec.kfuncs[insn.imm]?.name ?? '') !== undefined) {
        block.steps.push({ kind: 'kfunc', pc });
        return block;
      }
      block.end = { kind: 'trap', pc, what: 'calling kernel functions is not supported', unsupported: true };
      return undefined;
    }
    if (insn.src === op.CALL_LOCAL) {
      if (depth + 1 >= maxFrames) {
        block.end = { kind: 'trap', pc, what: tooDeep, unsupported: false };
        return undefined;
      }
      const after = this.block(depth);
      block.steps.push({ kind: 'enter', depth: depth + 1 });
      block.end = { kind: 'jump', to: this.copyFunction(pc + 1 + insn.imm, depth + 1, after.id) };
      return after;
    }
    switch (insn.imm) {
      case helperId.tail_call:
        if (exit !== undefined) {
          this.copyTailCall(pc, block, blockAt(pc + 1), exit);
          return undefined;
        }
        block.end = { kind: 'tail call', pc, to: blockAt(pc + 1) };
        return undefined;
      case helperId.loop:
        return this.copyLoop(pc, block);
      case helperId.for_each_map_elem:
        return this.copyWalk(pc, block);
      default:
        block.steps.push({ kind: 'insn', pc });
        return block;
    }
  }

  /**
   * A tail call in a function. The program that takes over returns to this function's caller, which the copied code
   * goes on with: so it is a call, after which the function ends.
   */
  private copyTailCall(pc: number, block: FlowBlock, failed: number, after: number): void {
    const at = this.variables++;
    const done = this.block(block.depth);
    block.steps.push({ kind: 'tail enter', at, pc });
    block.end = { kind: 'walk test', at, yes: done.id, no: failed };
    done.steps.push({ kind: 'tail result', pc });
    done.end = { kind: 'jump', to: after };
  }

  /**
   * bpf_loop around a copy of its callback.
   *
   *     block:  begin; bad arguments? -> failed
   *     head:   i < count ? -> body : done
   *     body:   callback(i, context)     latch: i++; r0 != 0 ? -> done : head
   */
  private copyLoop(pc: number, block: FlowBlock): FlowBlock {
    const { depth } = block;
    const failed = this.block(depth);
    const { at, head, body, done, after } = this.copyCallback(pc, depth, 3, (first) => ({
      kind: 'loop call',
      at: first,
    }));
    block.steps.push({ kind: 'loop begin', at });
    block.end = { kind: 'loop check', at, yes: failed.id, no: head.id };
    head.end = { kind: 'loop test', at, yes: body.id, no: done.id };
    failed.steps.push({ kind: 'loop end', at, failed: true });
    failed.end = { kind: 'jump', to: after.id };
    return after;
  }

  /**
   * bpf_for_each_map_elem around a copy of its callback.
   *
   *     block:  begin -> head
   *     head:   next; is there one? -> body : done
   *     body:   callback(map, key, value, context)     latch: count++; r0 != 0 ? -> done : head
   */
  private copyWalk(pc: number, block: FlowBlock): FlowBlock {
    const level = this.walks++;
    const { at, head, body, done, after } = this.copyCallback(pc, block.depth, 4, (first) => ({
      kind: 'walk call',
      at: first,
      level,
      pc,
    }));
    block.steps.push({ kind: 'walk begin', at, level, pc });
    block.end = { kind: 'jump', to: head.id };
    head.steps.push({ kind: 'walk next', at, level, pc });
    head.end = { kind: 'walk test', at: at + 3, yes: body.id, no: done.id };
    this.walks--;
    return after;
  }

  /**
   * The loop around the callback of the call at `pc`, without what its head asks. `variables`: how many it has of its
   * own; the first counts. `call` sets up the arguments.
   */
  private copyCallback(pc: number, depth: number, variables: number, call: (at: number) => Step): CallbackLoop {
    const slot = this.callbackSlot(pc);
    if (slot === undefined || depth + 1 >= maxFrames) throw new Unsupported('its callback is not known', pc);
    const at = this.variables;
    this.variables += variables;
    const [head, body, latch, done, after] = [
      this.block(depth),
      this.block(depth),
      this.block(depth),
      this.block(depth),
      this.block(depth),
    ];
    body.steps.push(call(at), { kind: 'enter', depth: depth + 1 });
    body.end = { kind: 'jump', to: this.copyFunction(slot, depth + 1, latch.id) };
    latch.steps.push({ kind: 'loop next', at });
    latch.end = { kind: 'loop stop', yes: done.id, no: head.id };
    done.steps.push({ kind: 'loop end', at, failed: false });
    done.end = { kind: 'jump', to: after.id };
    return { at, head, body, done, after };
  }

  /** Slot of the function whose address r2 holds at `pc`: the last `lddw` into it, if nothing can come in between. */
  private callbackSlot(pc: number): number | undefined {
    let register = 2;
    for (let i = pc - 1; i >= 0; i--) {
      const insn = this.insns[i] as Insn;
      if (isLddw(insn) && insn.dst === register) {
        const reference = referenceAt(this.world, this.insns, i);
        const isInside = reference?.kind === 'code' && this.insns[reference.slot] !== undefined;
        return isInside ? reference.slot : undefined;
      }
      const kind = insnClass(insn);
      const writes = kind === op.LDX || kind === op.ALU || kind === op.ALU64 || kind === op.LD;
      if (insn.code === op.CALL_OP && register <= 5) return undefined;
      if (insn.code === (op.ALU64 | op.MOV | op.X) && insn.off === 0 && insn.dst === register) register = insn.src;
      else if (writes && insn.code !== 0 && insn.dst === register) return undefined;
    }
    return undefined;
  }
}

const tooDeep = `the call stack of ${maxFrames + 1} frames is too deep !`;

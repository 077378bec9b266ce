/**
 * Generates XDP programs that Linux's verifier accepts, most of the time, and that use as much of the instruction set
 * and of the helpers as two machines can be compared on. Generation is typed: a {@link TypeState} follows the code as
 * it is emitted, so that only scalars are added up, only proved packet bytes are read, only initialised stack is used.
 *
 * Left out on purpose, because two machines cannot agree on it: time, random numbers, pointers stored as data.
 *
 * Shape of a program: r6 holds the context throughout; a prologue checks the packet's length; then statements, with
 * nested branches, bounded loops, subprogram calls and callbacks; r0 at the end is data. All packet failures go to one
 * exit.
 */

import { isTailCall } from '../../code/index.js';
import { type Insn, op } from '../../isa/index.js';
import type { FunctionSpec } from '../../object/index.js';
import type { Prng } from '../../packet/index.js';
import { accumulatorAt, callbackMemory, ctxReg, fp, interesting, stackBytes } from './conventions.js';
import { Emitter, type Label } from './emitter.js';
import { bpfLoop, branch, call, loop } from './flow-statements.js';
import { helperStatements } from './helper-statements.js';
import { csumDiff, mapCall, queueCall } from './map-statements.js';
import { fuzzMaps } from './maps.js';
import { atomic, contextField, load, spill, store } from './memory-statements.js';
import { adjust, redirect, variablePacketAccess } from './packet-statements.js';
import { alu, edge, edgeJump, endianOrExtend } from './scalar-statements.js';
import { none, roomOf, scalar, TypeState } from './type-state.js';

/** A program that follows from its seed. */
export interface GeneratedProgram {
  readonly name: string;
  /** Takes packets in fragments. */
  readonly frags: boolean;
  readonly insns: readonly Insn[];
  readonly functions: readonly Omit<FunctionSpec, 'btfId'>[];
}

/**
 * What a function is given: `plain` (scalar, scalar, context); `global` (scalar, scalar); `callback` (index, memory)
 * and `element` (map, key, value, memory), which return 0 or 1.
 */
type Role = 'main' | 'plain' | 'global' | 'callback' | 'element';

/** A function that was called and is still to be written. */
interface Subprogram {
  readonly label: Label;
  readonly name: string;
  readonly role: Role;
  /** May move the packet: then the caller's packet pointers are void after the call. */
  readonly moves: boolean;
  /** `element`: the map whose values it is given. */
  readonly map?: number;
}

const tailNames = ['tail_0', 'tail_1'];

/** A program and, if it makes tail calls, those that it calls. */
export function generatePrograms(random: Prng): GeneratedProgram[] {
  const frags = random.chance(0.15);
  const main = new Generator(random, 'main').program(frags);
  const calls = main.insns.some(isTailCall);
  if (!calls) return [main];
  return [main, ...tailNames.map((name) => new Generator(random, name).program(frags))];
}

/**
 * The state of generation, and what all statements use; the statements themselves are in the files named after them.
 */
export class Generator {
  readonly random: Prng;
  readonly out: Emitter = new Emitter();
  state: TypeState = new TypeState();
  fail: Label = this.out.label();
  readonly pending: Subprogram[] = [];
  /** Depth of nested statements; bounds the size of what is generated. */
  depth = 0;
  loopDepth = 0;
  /**
   * Registers that statements may not overwrite: the context, loop counters, pointers that a loop's next round needs.
   */
  reserved: Set<number> = new Set<number>([ctxReg]);
  inSubprogram = false;
  mayMove = true;
  nextCounter: number = accumulatorAt;
  /** Main programs may call another in their place. */
  readonly isFirst: boolean;
  readonly name: string;

  constructor(random: Prng, name: string) {
    this.random = random;
    this.name = name;
    this.isFirst = name === 'main';
  }

  /** A whole program: the main function first, then what it called, and what that called. */
  program(frags: boolean): GeneratedProgram {
    const functions: Omit<FunctionSpec, 'btfId'>[] = [];
    this.function('main', true);
    functions.push({ name: this.name, start: 0, end: this.out.here, global: false });
    for (let next = this.pending.shift(); next !== undefined; next = this.pending.shift()) {
      const start = this.out.here;
      this.out.bind(next.label);
      this.function(next.role, next.moves, next.map);
      functions.push({ name: next.name, start, end: this.out.here, global: next.role === 'global' });
    }
    return { name: this.name, frags, insns: this.out.finish(), functions };
  }

  /** One function. It begins by keeping what its role is given where calls do not clobber it. */
  function(role: Role, moves: boolean, map?: number): void {
    const { out, random } = this;
    this.state = new TypeState();
    this.fail = out.label();
    this.reserved = new Set([ctxReg]);
    this.inSubprogram = role !== 'main';
    this.mayMove = moves;
    this.nextCounter = accumulatorAt;
    if (role === 'main') {
      out.mov(ctxReg, 1);
      this.state.set(ctxReg, { kind: 'ctx' });
    } else if (role === 'plain') {
      out.mov(ctxReg, 3);
      this.state.set(ctxReg, { kind: 'ctx' });
      this.state.set(1, scalar);
      this.state.set(2, scalar);
    } else if (role === 'element') {
      out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, 2, 2, 0);
      this.state.set(2, scalar);
      this.state.set(3, { kind: 'map value', map: map ?? 0, size: fuzzMaps[map ?? 0]?.valueSize ?? 0 });
      this.state.set(4, { kind: 'memory', size: callbackMemory });
    } else {
      this.state.set(1, scalar);
      this.state.set(2, role === 'global' ? scalar : { kind: 'memory', size: callbackMemory });
    }
    this.initialiseStack();
    if (role === 'main' || role === 'plain') this.packetCheck();
    const statements = role === 'main' ? 4 + random.below(14) : 2 + random.below(4);
    for (let i = 0; i < statements; i++) this.statement();

    const isCallback = role === 'callback' || role === 'element';
    this.foldIntoResult();
    if (isCallback) out.emit(op.ALU64 | op.AND | op.K, 0, 0, 0, 1);
    out.emit(op.EXIT_OP);
    if (!this.fail.used) return;
    out.bind(this.fail);
    out.movImm(0, isCallback ? 0 : random.below(5));
    out.emit(op.EXIT_OP);
  }

  /** r0 comes to depend on every bit of every number that is left, so that a wrong one anywhere shows. */
  foldIntoResult(): void {
    const { out, state } = this;
    const numbers = this.scalars();
    if (state.get(0).kind !== 'scalar') out.movImm(0, 0);
    for (const reg of numbers) {
      if (reg !== 0) out.emit(op.ALU64 | op.XOR | op.X, 0, reg);
      out.emit(op.ALU64 | op.MUL | op.K, 0, 0, 0, -0x61c88647);
    }
    const spare = [1, 2, 3, 4, 5].find((r) => !this.reserved.has(r));
    if (spare !== undefined) {
      out.emit(op.LDX | op.MODE_MEM | op.SIZE_DW, spare, fp, -accumulatorAt);
      out.emit(op.ALU64 | op.XOR | op.X, 0, spare);
      out.emit(op.ALU64 | op.MUL | op.K, 0, 0, 0, -0x61c88647);
    }
    // Only 32 bits are returned; a product's upper half has seen all of them.
    out.emit(op.ALU64 | op.RSH | op.K, 0, 0, 0, 32);
    state.set(0, scalar);
  }

  /** Writes all of the stack that is used: what was never written differs between machines. */
  initialiseStack(): void {
    for (let distance = 8; distance <= stackBytes; distance += 8) {
      this.out.emit(op.ST | op.MODE_MEM | op.SIZE_DW, fp, 0, -distance, this.immediate());
      this.state.writeStack(distance, 8);
    }
    this.out.emit(op.ST | op.MODE_MEM | op.SIZE_DW, fp, 0, -accumulatorAt, 0);
  }

  /** r7 = data, with a proved number of bytes after it; shorter packets leave. */
  packetCheck(): void {
    const { out, random, state } = this;
    const range = random.pick([14, 20, 34, 42, 54, 60]);
    out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, 7, ctxReg, 0);
    out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, 0, ctxReg, 4);
    out.mov(3, 7);
    out.addImm(3, range);
    // The forms that compilers emit, all with the same meaning.
    switch (random.below(4)) {
      case 0:
        out.jump(op.JMP | op.JGT | op.X, this.fail, 3, 0);
        break;
      case 1:
        out.jump(op.JMP | op.JLT | op.X, this.fail, 0, 3);
        break;
      case 2: {
        const ok = out.label();
        out.jump(op.JMP | op.JLE | op.X, ok, 3, 0);
        out.jump(op.JA_OP, this.fail);
        out.bind(ok);
        break;
      }
      default: {
        const ok = out.label();
        out.jump(op.JMP | op.JGE | op.X, ok, 0, 3);
        out.jump(op.JA_OP, this.fail);
        out.bind(ok);
      }
    }
    state.set(0, none);
    state.set(3, none);
    state.set(7, { kind: 'packet', range });
    this.reserved.add(7);
  }

  /** One statement, drawn by weights; those that nest or call stop at a depth. */
  statement(): void {
    const { random } = this;
    const weights: readonly (readonly [number, () => void])[] = [
      [12, () => alu(this)],
      [5, () => edge(this)],
      [3, () => edgeJump(this)],
      [5, () => endianOrExtend(this)],
      [8, () => load(this)],
      [7, () => store(this)],
      [3, () => atomic(this)],
      [3, () => spill(this)],
      [this.depth < 4 ? 5 : 0, () => branch(this)],
      [this.depth < 2 && this.loopDepth === 0 ? 2 : 0, () => loop(this)],
      [5, () => mapCall(this)],
      [1, () => queueCall(this)],
      [1, () => csumDiff(this)],
      [this.hasPacket() ? 2 : 0, () => variablePacketAccess(this)],
      [this.mayMove && this.hasPacket() && this.loopDepth === 0 && this.depth === 0 ? 1 : 0, () => adjust(this)],
      [!this.inSubprogram && this.loopDepth === 0 ? 2 : 0, () => call(this)],
      [!this.inSubprogram && this.loopDepth === 0 ? 1 : 0, () => bpfLoop(this)],
      [1, () => contextField(this)],
      [1, () => redirect(this)],
      ...helperStatements.map(({ weight, when, emit }): [number, () => void] => [
        when === undefined || when(this) ? weight : 0,
        () => emit(this),
      ]),
    ];
    const sum = weights.reduce((total, [weight]) => total + weight, 0);
    let ticket = (sum * random.u32()) / 2 ** 32;
    for (const [weight, emit] of weights) {
      ticket -= weight;
      if (ticket < 0) {
        emit();
        return;
      }
    }
  }

  // Operands.

  immediate(): number {
    const { random } = this;
    if (random.chance(0.5)) return random.pick(interesting);
    return random.chance(0.5) ? random.below(1 << 16) : random.u32() | 0;
  }

  hasPacket(): boolean {
    return this.state.get(7).kind === 'packet';
  }

  /** Registers that hold numbers; makes one if there is none. */
  scalars(): number[] {
    const found = this.state.withKind('scalar');
    if (found.length > 0) return found;
    const reg = this.target();
    this.freshScalar(reg);
    return [reg];
  }

  /** A number in a register, in one of the forms that set upper bits differently. */
  freshScalar(reg: number): void {
    const { out, random } = this;
    const form = random.below(5);
    if (form === 0) out.load64(reg, (BigInt(random.u32()) << 32n) | BigInt(random.u32()));
    else if (form === 1) out.emit(op.ALU | op.MOV | op.K, reg, 0, 0, this.immediate());
    else out.movImm(reg, this.immediate());
    this.state.set(reg, scalar);
  }

  /** A register that may be overwritten. In a loop only those that hold numbers already or nothing at all. */
  target(): number {
    const free: number[] = [];
    for (let r = 0; r <= 9; r++) {
      if (this.reserved.has(r)) continue;
      const { kind } = this.state.get(r);
      if (kind === 'scalar' || kind === 'none' || this.loopDepth === 0) free.push(r);
    }
    return this.random.pick(free);
  }

  /** A number in a register that may be changed. */
  changeable(): number {
    const regs = this.scalars().filter((r) => !this.reserved.has(r));
    if (regs.length > 0) return this.random.pick(regs);
    const reg = this.target();
    this.freshScalar(reg);
    return reg;
  }

  /** Somewhere to load from or store to: register, offset and how many bytes follow. */
  place(size: number): { readonly reg: number; readonly off: number; readonly stack: boolean } {
    const { random, state } = this;
    const places: { reg: number; off: number; stack: boolean }[] = [];
    for (const [reg, value] of state.regs.entries()) {
      const room = roomOf(value);
      if (room < size) continue;
      const step = value.kind === 'packet' ? 1 : size;
      places.push({ reg, off: random.below(Math.floor((room - size) / step) + 1) * step, stack: false });
    }
    const distance = (1 + random.below(stackBytes / size)) * size;
    places.push({ reg: fp, off: -distance, stack: true });
    return random.pick(places);
  }

  // Statements.

  block(statements: number): void {
    this.depth++;
    for (let i = 0; i < statements; i++) this.statement();
    this.depth--;
  }

  pointToStack(reg: number, distance: number): void {
    this.out.mov(reg, fp);
    this.out.addImm(reg, -distance);
  }

  canCall(): boolean {
    for (let r = 0; r <= 5; r++) if (this.reserved.has(r)) return false;
    return true;
  }
}

/**
 * Generates XDP programs that Linux's verifier accepts, most of the time, and that use as much of the instruction set and of
 * the helpers as two machines can be compared on. Generation is typed: a {@link TypeState} follows the code as it is emitted, so that
 * only scalars are added up, only proved packet bytes are read, only initialised stack is used.
 *
 * Left out on purpose, because two machines cannot agree on it: time, random numbers, pointers stored as data.
 *
 * Shape of a program: r6 holds the context throughout; a prologue checks the packet's length; then statements, with nested
 * branches, bounded loops, subprogram calls and callbacks; r0 at the end is data. All packet failures go to one exit.
 */

import { type Insn, op } from '../../isa/index.js';
import type { FunctionSpec } from '../../object/index.js';
import type { Prng } from '../../packet/index.js';
import { callbackMemory, ctxReg, fp, sizes, stackBytes, tailCallHelper } from './conventions.js';
import { Emitter, type Label } from './emitter.js';
import { helperStatements } from './helper-statements.js';
import { fuzzMap, fuzzMaps } from './maps.js';
import { none, scalar, TypeState, type Value } from './type-state.js';

export interface GeneratedProgram {
  readonly name: string;
  /** Takes packets in fragments. */
  readonly frags: boolean;
  readonly insns: readonly Insn[];
  readonly functions: readonly Omit<FunctionSpec, 'btfId'>[];
}

/**
 * What a function is given: `plain` (scalar, scalar, context); `global` (scalar, scalar); `callback` (index, memory) and `element` (map, key,
 * value, memory), which return 0 or 1.
 */
type Role = 'main' | 'plain' | 'global' | 'callback' | 'element';

interface Subprogram {
  readonly label: Label;
  readonly name: string;
  readonly role: Role;
  /** May move the packet: then the caller's packet pointers are void after the call. */
  readonly moves: boolean;
  /** `element`: the map whose values it is given. */
  readonly map?: number;
}

/** Where {@link Generator.accumulate} gathers, and where loop counters start, below r10. */
const accumulatorAt = stackBytes + 8;
const countersAt = accumulatorAt;
const tailNames = ['tail_0', 'tail_1'];

const aluOps = [op.ADD, op.SUB, op.MUL, op.DIV, op.OR, op.AND, op.LSH, op.RSH, op.MOD, op.XOR, op.MOV, op.ARSH];
const jumpOps = [op.JEQ, op.JGT, op.JGE, op.JSET, op.JNE, op.JSGT, op.JSGE, op.JLT, op.JLE, op.JSLT, op.JSLE];
const keyedMaps = ['array', 'hash', 'percpu_array', 'percpu_hash', 'lru', 'trie', 'lru_percpu'];
const interesting = [
  0, 1, -1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fffffff, -0x80000000, -2,
];

/** A program and, if it makes tail calls, those that it calls. */
export function generatePrograms(random: Prng): GeneratedProgram[] {
  const frags = random.chance(0.15);
  const main = new Generator(random, 'main').program(frags);
  const calls = main.insns.some(
    (insn) => insn.code === op.CALL_OP && insn.src === op.CALL_HELPER && insn.imm === tailCallHelper,
  );
  if (!calls) return [main];
  return [main, ...tailNames.map((name) => new Generator(random, name).program(frags))];
}

/** The state of generation; helper-statements.ts adds statements to those here. */
export class Generator {
  readonly random: Prng;
  readonly out: Emitter = new Emitter();
  state: TypeState = new TypeState();
  fail: Label = this.out.label();
  readonly pending: Subprogram[] = [];
  /** Depth of nested statements; bounds the size of what is generated. */
  depth = 0;
  loopDepth = 0;
  /** Registers that statements may not overwrite: the context, loop counters, pointers that a loop's next round needs. */
  reserved: Set<number> = new Set<number>([ctxReg]);
  inSubprogram = false;
  mayMove = true;
  nextCounter: number = countersAt;
  /** Main programs may call another in their place. */
  readonly isFirst: boolean;
  readonly name: string;

  constructor(random: Prng, name: string) {
    this.random = random;
    this.name = name;
    this.isFirst = name === 'main';
  }

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

  function(role: Role, moves: boolean, map?: number): void {
    const { out, random } = this;
    this.state = new TypeState();
    this.fail = out.label();
    this.reserved = new Set([ctxReg]);
    this.inSubprogram = role !== 'main';
    this.mayMove = moves;
    this.nextCounter = countersAt;
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

  statement(): void {
    const { random } = this;
    const weights: readonly (readonly [number, () => void])[] = [
      [12, () => this.alu()],
      [5, () => this.edge()],
      [3, () => this.edgeJump()],
      [5, () => this.endianOrExtend()],
      [8, () => this.load()],
      [7, () => this.store()],
      [3, () => this.atomic()],
      [3, () => this.spill()],
      [this.depth < 4 ? 5 : 0, () => this.branch()],
      [this.depth < 2 && this.loopDepth === 0 ? 2 : 0, () => this.loop()],
      [5, () => this.mapCall()],
      [1, () => this.queueCall()],
      [1, () => this.csumDiff()],
      [this.hasPacket() ? 2 : 0, () => this.variablePacketAccess()],
      [this.mayMove && this.hasPacket() && this.loopDepth === 0 && this.depth === 0 ? 1 : 0, () => this.adjust()],
      [!this.inSubprogram && this.loopDepth === 0 ? 2 : 0, () => this.call()],
      [!this.inSubprogram && this.loopDepth === 0 ? 1 : 0, () => this.bpfLoop()],
      [1, () => this.contextField()],
      [1, () => this.redirect()],
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

  alu(): void {
    const { out, random, state } = this;
    if (random.chance(0.15)) {
      this.freshScalar(this.target());
      return;
    }
    const cls = random.chance(0.5) ? op.ALU64 : op.ALU;
    const width = cls === op.ALU64 ? 64 : 32;
    const dst = this.changeable();
    if (random.chance(0.08)) {
      out.emit(cls | op.NEG, dst);
      state.set(dst, scalar);
      return;
    }
    const operation = random.pick(aluOps);
    const signed = (operation === op.DIV || operation === op.MOD) && random.chance(0.4) ? 1 : 0;
    if (random.chance(0.5)) {
      const src = random.pick(this.scalars());
      out.emit(cls | operation | op.X, dst, src, signed);
      state.set(dst, scalar);
      return;
    }
    let imm = this.immediate();
    if (operation === op.LSH || operation === op.RSH || operation === op.ARSH) imm = random.below(width);
    if ((operation === op.DIV || operation === op.MOD) && imm === 0) imm = 3;
    out.emit(cls | operation | op.K, dst, 0, signed, imm);
    state.set(dst, operation === op.AND && imm >= 0 ? { kind: 'scalar', max: imm } : scalar);
  }

  /**
   * One operation on two numbers in whose sign bits and upper halves a mistake would show, and the result put where nothing overwrites it.
   */
  edge(): void {
    const { out, random, state } = this;
    const [dst, src] = this.edgeOperands();
    if (dst === src) return;
    const cls = random.chance(0.5) ? op.ALU64 : op.ALU;
    const width = cls === op.ALU64 ? 64 : 32;
    const operation = random.pick([...aluOps, op.DIV, op.MOD, op.ARSH]);
    const signed = (operation === op.DIV || operation === op.MOD) && random.chance(0.5) ? 1 : 0;
    const isShift = operation === op.LSH || operation === op.RSH || operation === op.ARSH;
    if (random.chance(0.5)) {
      const imm = isShift ? random.below(width) : random.pick([3, -3, 7, -1, 0x10001, this.immediate() || 5]);
      out.emit(cls | operation | op.K, dst, 0, signed, imm);
    } else {
      out.emit(cls | operation | op.X, dst, src, signed);
    }
    state.set(dst, scalar);
    this.accumulate(dst, src);
  }

  /** The same with a condition: which way it went is remembered. */
  edgeJump(): void {
    const { out, random } = this;
    const [a, b] = this.edgeOperands();
    if (a === b) return;
    const cls = random.chance(0.5) ? op.JMP : op.JMP32;
    const over = out.label();
    if (random.chance(0.5)) out.jump(cls | random.pick(jumpOps) | op.X, over, a, b);
    else out.jump(cls | random.pick(jumpOps) | op.K, over, a, 0, this.immediate());
    out.movImm(a, 1 + random.below(1000));
    this.accumulate(a, b);
    out.bind(over);
    this.state.set(a, scalar);
  }

  /** Two registers with numbers, often unlike in their halves. */
  edgeOperands(): [number, number] {
    const { out, random, state } = this;
    const number = (reg: number): void => {
      const half = (): bigint => BigInt(random.chance(0.5) ? random.pick(interesting) >>> 0 : random.u32());
      out.load64(reg, (half() << 32n) | half());
      state.set(reg, scalar);
    };
    const first = this.target();
    if (state.get(first).kind !== 'scalar' || random.chance(0.6)) number(first);
    const others = this.scalars().filter((r) => r !== first && !this.reserved.has(r));
    const second = others.length > 0 ? random.pick(others) : this.target();
    if (second !== first && (state.get(second).kind !== 'scalar' || random.chance(0.4))) number(second);
    return [first, second];
  }

  /** accumulator = (accumulator ^ reg) * odd number; `spare` is lost. */
  accumulate(reg: number, spare: number): void {
    const { out, state } = this;
    out.emit(op.LDX | op.MODE_MEM | op.SIZE_DW, spare, fp, -accumulatorAt);
    out.emit(op.ALU64 | op.XOR | op.X, spare, reg);
    out.emit(op.ALU64 | op.MUL | op.K, spare, 0, 0, -0x61c88647);
    out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, fp, spare, -accumulatorAt);
    state.set(spare, scalar);
  }

  endianOrExtend(): void {
    const { out, random, state } = this;
    const dst = this.changeable();
    switch (random.below(4)) {
      case 0:
        out.emit(op.ALU | op.END | random.pick([op.K, op.X]), dst, 0, 0, random.pick([16, 32, 64]));
        break;
      case 1:
        out.emit(op.ALU64 | op.END, dst, 0, 0, random.pick([16, 32, 64]));
        break;
      case 2:
        out.emit(op.ALU64 | op.MOV | op.X, dst, random.pick(this.scalars()), random.pick([8, 16, 32]));
        break;
      default:
        out.emit(op.ALU | op.MOV | op.X, dst, random.pick(this.scalars()), random.pick([8, 16]));
    }
    state.set(dst, scalar);
  }

  load(): void {
    const { out, random, state } = this;
    const size = random.pick(sizes);
    const place = this.place(size.bytes);
    if (place.stack && !state.stackReadable(-place.off, size.bytes)) return;
    const dst = this.target();
    const mode = size.bytes < 8 && random.chance(0.25) ? op.MODE_MEMSX : op.MODE_MEM;
    out.emit(op.LDX | mode | size.code, dst, place.reg, place.off);
    state.set(dst, scalar);
  }

  store(): void {
    const { out, random, state } = this;
    const size = random.pick(sizes);
    const place = this.place(size.bytes);
    if (random.chance(0.4)) out.emit(op.ST | op.MODE_MEM | size.code, place.reg, 0, place.off, this.immediate());
    else out.emit(op.STX | op.MODE_MEM | size.code, place.reg, random.pick(this.scalars()), place.off);
    if (place.stack) state.writeStack(-place.off, size.bytes);
  }

  atomic(): void {
    const { out, random, state } = this;
    const ordered = random.chance(0.25);
    const size = random.pick(sizes.filter((s) => ordered || s.bytes >= 4));
    const places = [...state.regs.entries()].filter(
      ([, value]) => value.kind === 'map value' && roomOf(value) >= size.bytes,
    );
    let reg = fp;
    let off = -size.bytes * (1 + random.below(stackBytes / size.bytes));
    if (places.length > 0 && random.chance(0.7)) {
      const [place, value] = random.pick(places);
      reg = place;
      off = random.below(Math.floor(roomOf(value) / size.bytes)) * size.bytes;
    } else if (!state.stackReadable(-off, size.bytes)) {
      return;
    }
    const code = op.STX | op.MODE_ATOMIC | size.code;
    if (ordered && random.chance(0.5)) {
      const dst = this.changeable();
      if (dst === reg) return;
      out.emit(code, dst, reg, off, op.ATOMIC_LOAD_ACQ);
      state.set(dst, scalar);
      return;
    }
    if (ordered) {
      const src = random.pick(this.scalars());
      if (src === reg) return;
      out.emit(code, reg, src, off, op.ATOMIC_STORE_REL);
      if (reg === fp) state.writeStack(-off, size.bytes);
      return;
    }
    if (random.chance(0.15)) {
      // cmpxchg compares with r0 and leaves the old value there
      if (this.reserved.has(0) || reg === 0) return;
      if (reg === fp) return;
      if (state.get(0).kind !== 'scalar') this.freshScalar(0);
      out.emit(code, reg, random.pick(this.scalars()), off, op.ATOMIC_CMPXCHG);
      state.set(0, scalar);
      return;
    }
    const operation = random.pick([op.ATOMIC_ADD, op.ATOMIC_OR, op.ATOMIC_AND, op.ATOMIC_XOR, op.ATOMIC_XCHG]);
    // Not from the stack: Linux 6.18's verifier then removes branches that the program can take (test/differential/atomic-fetch-stack.s).
    if (operation === op.ATOMIC_XCHG && reg === fp) return;
    const fetch = operation === op.ATOMIC_XCHG || (reg !== fp && random.chance(0.5));
    const src = fetch ? this.changeable() : random.pick(this.scalars());
    if (src === reg) return;
    out.emit(code, reg, src, off, operation | (fetch ? op.ATOMIC_FETCH : 0));
    if (fetch) state.set(src, scalar);
    if (reg === fp) state.writeStack(-off, size.bytes);
  }

  /** A pointer or number goes to the stack and comes back. */
  spill(): void {
    const { out, random, state } = this;
    const slot = 8 * (1 + random.below(stackBytes / 8));
    const spilled = state.spills.get(slot);
    if (spilled !== undefined) {
      const dst = this.target();
      if (this.loopDepth > 0) return;
      out.emit(op.LDX | op.MODE_MEM | op.SIZE_DW, dst, fp, -slot);
      state.set(dst, spilled);
      return;
    }
    const pointers = [...state.regs.keys()].filter((r) => ['packet', 'map value', 'ctx'].includes(state.get(r).kind));
    if (random.chance(0.5) && pointers.length > 0 && this.loopDepth === 0 && this.depth === 0) {
      const reg = random.pick(pointers);
      out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, fp, reg, -slot);
      state.spill(slot, state.get(reg));
    } else {
      out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, fp, random.pick(this.scalars()), -slot);
      state.writeStack(slot, 8);
    }
  }

  branch(): void {
    const { out, random } = this;
    const dst = random.pick(this.scalars());
    const cls = random.chance(0.5) ? op.JMP : op.JMP32;
    const otherwise = out.label();
    if (random.chance(0.6)) out.jump(cls | random.pick(jumpOps) | op.K, otherwise, dst, 0, this.immediate());
    else out.jump(cls | random.pick(jumpOps) | op.X, otherwise, dst, random.pick(this.scalars()));
    const before = new TypeState(this.state);
    this.block(1 + random.below(4));
    const afterThen = this.state;
    this.state = before;
    if (random.chance(0.5)) {
      const end = out.label();
      out.jump(random.chance(0.1) ? op.JA32_OP : op.JA_OP, end);
      out.bind(otherwise);
      this.block(1 + random.below(4));
      out.bind(end);
    } else {
      out.bind(otherwise);
    }
    this.state.meet(afterThen);
  }

  block(statements: number): void {
    this.depth++;
    for (let i = 0; i < statements; i++) this.statement();
    this.depth--;
  }

  /**
   * A loop with a constant number of rounds, its counter on the stack or in a register. What holds at its head must hold again at
   * its end: temporaries are forgotten before it, and within it only numbers are overwritten by numbers.
   */
  loop(): void {
    const { out, random } = this;
    for (let r = 0; r <= 5; r++) this.state.set(r, none);
    for (const r of this.state.withKind('scalar')) this.state.set(r, scalar);
    const rounds = 1 + random.below(6);
    const before = new Set(this.reserved);
    const inRegister = random.chance(0.5);
    const counter = [8, 9].find((r) => !this.reserved.has(r) && this.state.get(r).kind !== 'packet') ?? -1;
    const useRegister = inRegister && counter >= 0;
    this.nextCounter += 8;
    const slot = this.nextCounter;
    if (useRegister) {
      out.movImm(counter, 0);
      this.state.set(counter, scalar);
      this.reserved.add(counter);
    } else {
      out.emit(op.ST | op.MODE_MEM | op.SIZE_DW, fp, 0, -slot, 0);
    }
    for (let r = 0; r <= 9; r++) if (!['none', 'scalar'].includes(this.state.get(r).kind)) this.reserved.add(r);

    const head = out.label();
    out.bind(head);
    const atHead = new TypeState(this.state);
    const leave = out.label();
    const mayLeave = random.chance(0.15);
    if (mayLeave) out.jump(op.JMP | op.JCOND, leave);
    this.loopDepth++;
    this.block(1 + random.below(4));
    this.loopDepth--;
    for (let r = 0; r <= 9; r++) {
      if (atHead.get(r).kind !== 'scalar' || this.state.get(r).kind === 'scalar') continue;
      out.movImm(r, 0);
      this.state.set(r, scalar);
    }
    if (useRegister) {
      out.addImm(counter, 1);
      out.jump(op.JMP | op.JLT | op.K, head, counter, 0, rounds);
    } else {
      const reg = this.target();
      out.emit(op.LDX | op.MODE_MEM | op.SIZE_DW, reg, fp, -slot);
      out.addImm(reg, 1);
      out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, fp, reg, -slot);
      out.jump(op.JMP | op.JNE | op.K, head, reg, 0, rounds);
      this.state.set(reg, scalar);
    }
    if (mayLeave) {
      out.bind(leave);
      this.state.meet(atHead);
    }
    this.reserved = before;
  }

  /** A small number as key bytes at r10 - distance. */
  putKey(distance: number, keySize: number, trie: boolean): void {
    const { out, random, state } = this;
    let at = distance;
    if (trie) {
      out.emit(op.ST | op.MODE_MEM | op.SIZE_W, fp, 0, -at, random.below(34));
      state.writeStack(at, 4);
      at -= 4;
      keySize -= 4;
    }
    if (random.chance(0.5)) {
      const reg = this.changeable();
      out.emit(op.ALU64 | op.AND | op.K, reg, 0, 0, 7);
      state.set(reg, { kind: 'scalar', max: 7 });
      out.emit(op.STX | op.MODE_MEM | (keySize === 8 ? op.SIZE_DW : op.SIZE_W), fp, reg, -at);
    } else {
      out.emit(op.ST | op.MODE_MEM | (keySize === 8 ? op.SIZE_DW : op.SIZE_W), fp, 0, -at, random.below(8));
    }
    state.writeStack(at, keySize);
  }

  pointToStack(reg: number, distance: number): void {
    this.out.mov(reg, fp);
    this.out.addImm(reg, -distance);
  }

  canCall(): boolean {
    for (let r = 0; r <= 5; r++) if (this.reserved.has(r)) return false;
    return true;
  }

  mapCall(): void {
    if (!this.canCall()) return;
    const { out, random, state } = this;
    const index = fuzzMap(random.pick(keyedMaps));
    const map = fuzzMaps[index];
    if (map === undefined) return;
    const keyAt = 8 * (1 + random.below(3));
    this.putKey(keyAt, map.keySize, map.type === 'lpm_trie');
    const kind = random.below(10);
    if (kind < 2) {
      // update from initialised stack, or delete
      const valueAt = stackBytes;
      if (!state.stackReadable(valueAt, Math.min(map.valueSize, 40)) || map.valueSize > 40) return;
      out.loadMap(1, index);
      this.pointToStack(2, keyAt);
      this.pointToStack(3, valueAt);
      out.movImm(4, map.type === 'lpm_trie' ? 0 : random.pick([0, 0, 1, 2]));
      out.callHelper(2);
      state.clobber();
      state.set(0, scalar);
      return;
    }
    if (kind < 3) {
      out.loadMap(1, index);
      this.pointToStack(2, keyAt);
      out.callHelper(3);
      state.clobber();
      state.set(0, scalar);
      return;
    }
    out.loadMap(1, index);
    this.pointToStack(2, keyAt);
    out.callHelper(1);
    this.withValue(index, map.valueSize);
  }

  /** After a look-up in map `index`: what is done with the value if there is one. */
  withValue(index: number, valueSize: number): void {
    const { out, random, state } = this;
    state.clobber();
    const missing = out.label();
    out.jump(op.JMP | op.JEQ | op.K, missing, 0, 0, 0);
    const before = new TypeState(state);
    before.set(0, scalar);
    this.state.set(0, { kind: 'map value', map: index, size: valueSize });
    if (random.chance(0.3) && this.loopDepth === 0) {
      const keep = this.random.pick([8, 9]);
      if (!this.reserved.has(keep)) {
        out.mov(keep, 0);
        this.state.set(keep, this.state.get(0));
      }
    }
    if (random.chance(0.3)) this.variableMapAccess(valueSize);
    this.block(1 + random.below(4));
    out.bind(missing);
    this.state.meet(before);
  }

  /** value + (x & mask), within the value. */
  variableMapAccess(valueSize: number): void {
    const { out, random, state } = this;
    const size = random.pick(sizes.filter((s) => s.bytes * 2 <= valueSize));
    const mask = 2 ** Math.floor(Math.log2(valueSize - size.bytes + 1)) - 1;
    const index = this.changeable();
    if (index === 0) return;
    out.emit(op.ALU64 | op.AND | op.K, index, 0, 0, mask);
    state.set(index, { kind: 'scalar', max: mask });
    const pointer = [1, 2, 3, 4, 5].find((r) => r !== index && !this.reserved.has(r));
    if (pointer === undefined) return;
    out.mov(pointer, 0);
    out.emit(op.ALU64 | op.ADD | op.X, pointer, index);
    if (random.chance(0.5)) out.emit(op.LDX | op.MODE_MEM | size.code, pointer, pointer, 0);
    else {
      out.emit(op.STX | op.MODE_MEM | size.code, pointer, index, 0);
      out.movImm(pointer, 0);
    }
    state.set(pointer, scalar);
  }

  queueCall(): void {
    if (!this.canCall()) return;
    const { out, random, state } = this;
    const index = fuzzMap(random.pick(['queue', 'stack']));
    const valueAt = random.pick([16, 32, 48]);
    if (!state.stackReadable(valueAt, 16)) return;
    out.loadMap(1, index);
    this.pointToStack(2, valueAt);
    const helper = random.pick([87, 88, 89]); // push, pop, peek
    if (helper === 87) out.movImm(3, random.pick([0, 2]));
    out.callHelper(helper);
    state.clobber();
    state.set(0, scalar);
  }

  csumDiff(): void {
    if (!this.canCall()) return;
    const { out, random, state } = this;
    if (!state.stackReadable(stackBytes, 32)) return;
    const seed = random.pick(this.scalars());
    out.mov(5, seed);
    const from = random.pick([0, 4, 8, 16]);
    const to = random.pick([4, 8, 20]);
    if (from === 0) out.movImm(1, 0);
    else this.pointToStack(1, stackBytes);
    out.movImm(2, from);
    this.pointToStack(3, stackBytes - 8);
    out.movImm(4, to);
    out.callHelper(28);
    state.clobber();
    state.set(0, scalar);
  }

  /** data + (x & mask) with its own check, as after a variable header length. */
  variablePacketAccess(): void {
    const { out, random, state } = this;
    const index = this.changeable();
    const mask = random.pick([7, 15, 31, 63]);
    const pointer = [1, 2, 3, 4, 5].find((r) => r !== index && !this.reserved.has(r) && state.get(r).kind !== 'packet');
    const end = [0, 1, 2, 3, 4, 5].find((r) => r !== index && r !== pointer && !this.reserved.has(r));
    if (pointer === undefined || end === undefined) return;
    const size = random.pick(sizes);
    out.emit(op.ALU64 | op.AND | op.K, index, 0, 0, mask);
    state.set(index, { kind: 'scalar', max: mask });
    out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, pointer, ctxReg, 0);
    out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, end, ctxReg, 4);
    out.emit(op.ALU64 | op.ADD | op.X, pointer, index);
    out.mov(index, pointer);
    out.addImm(index, size.bytes);
    const short = out.label();
    out.jump(op.JMP | op.JGT | op.X, short, index, end);
    if (random.chance(0.5)) {
      out.emit(op.LDX | op.MODE_MEM | size.code, end, pointer, 0);
    } else {
      out.emit(op.ST | op.MODE_MEM | size.code, pointer, 0, 0, this.immediate());
    }
    out.bind(short);
    for (const r of [pointer, end, index]) {
      out.movImm(r, 0);
      state.set(r, scalar);
    }
  }

  /** bpf_xdp_adjust_head or _tail; afterwards every packet pointer is void and the packet is checked anew. */
  adjust(): void {
    if (!this.canCall()) return;
    const { out, random, state } = this;
    const head = random.chance(0.5);
    out.mov(1, ctxReg);
    out.movImm(2, random.pick(head ? [-20, -14, -4, 4, 14, -256, 100] : [-4, -10, -20, 4, 16, 64, 4000, -1000]));
    out.callHelper(head ? 44 : 65);
    state.clobber();
    state.set(0, scalar);
    state.dropPacketPointers();
    if (random.chance(0.5)) out.jump(op.JMP | op.JNE | op.K, this.fail, 0, 0, 0);
    this.packetCheck();
  }

  call(): void {
    if (!this.canCall() || this.pending.length >= 3) return;
    const { out, random, state } = this;
    const label = out.label();
    const [a, b] = [random.pick(this.scalars()), random.pick(this.scalars())];
    out.mov(0, a);
    out.mov(2, b);
    out.mov(1, 0);
    const role = random.chance(0.3) ? 'global' : 'plain';
    if (role === 'plain') out.mov(3, ctxReg);
    out.callLocal(label);
    const moves = role === 'plain' && this.depth === 0 && random.chance(0.3);
    this.pending.push({ label, name: `${this.name}_${role}_${out.here}`, role, moves });
    state.clobber();
    state.set(0, scalar);
    if (moves) {
      state.dropPacketPointers();
      this.packetCheck();
    }
  }

  bpfLoop(): void {
    if (!this.canCall() || this.pending.length >= 3) return;
    const { out, random, state } = this;
    if (!state.stackReadable(stackBytes, callbackMemory)) return;
    const label = out.label();
    out.movImm(1, random.below(9));
    out.loadFunction(2, label);
    this.pointToStack(3, stackBytes);
    out.movImm(4, 0);
    out.callHelper(181);
    this.pending.push({ label, name: `${this.name}_callback_${out.here}`, role: 'callback', moves: false });
    state.clobber();
    state.set(0, scalar);
  }

  contextField(): void {
    if (this.state.get(ctxReg).kind !== 'ctx') return;
    const dst = this.target();
    this.out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, dst, ctxReg, this.random.pick([12, 16]));
    this.state.set(dst, scalar);
  }

  redirect(): void {
    if (!this.canCall()) return;
    this.out.movImm(1, this.random.below(4));
    this.out.movImm(2, this.random.chance(0.8) ? 0 : 1);
    this.out.callHelper(23);
    this.state.clobber();
    this.state.set(0, scalar);
  }
}

/** Bytes that may be accessed from the start of what `value` points to. */
function roomOf(value: Value): number {
  switch (value.kind) {
    case 'packet':
      return value.range;
    case 'map value':
    case 'memory':
      return value.size;
    default:
      return 0;
  }
}

/**
 * What a core computes with: two banks of registers, transfer registers, windows into local memory, condition codes,
 * and the instructions that touch nothing else.
 */
import type { GuestMemory } from '../../vm/index.js';
import { scratch } from './assembler.js';
import { type Instruction, lastSteps } from './instruction.js';
import type { Operand } from './operand.js';
import type { Routine } from './routines.js';

/** One core's registers and its arithmetic. */
export class Datapath {
  private readonly memory: GuestMemory;
  readonly a: Uint32Array = new Uint32Array(32);
  readonly b: Uint32Array = new Uint32Array(32);
  readonly received: Uint32Array = new Uint32Array(32);
  readonly sent: Uint32Array = new Uint32Array(32);
  /** Where windows of local memory stand; the second one is the packet's description. */
  readonly windows: Float64Array = new Float64Array(4);
  readonly description: Uint32Array = new Uint32Array(16);
  private zero = false;
  private minus = false;
  private carry = false;
  private overflow = false;
  /** Left operand and result of the last arithmetic instruction. */
  private lastLeft = 0;
  lastResult = 0;
  /** A register of the core that the next constant takes the place of. */
  read: number | undefined;
  private product = 0n;

  constructor(memory: GuestMemory) {
    this.memory = memory;
  }

  value(operand: Operand): number {
    switch (operand.kind) {
      case 'register':
        return (operand.bank === 'b' ? this.b[operand.n] : this.a[operand.n]) as number;
      case 'transfer':
        return this.received[operand.n] as number;
      case 'constant':
        return operand.value;
      case 'none':
        return 0;
      case 'local': {
        if (operand.index === 1) return this.description[operand.offset] as number;
        return this.memory.load32(this.place(operand));
      }
    }
  }

  write(operand: Operand, value: number): void {
    switch (operand.kind) {
      case 'register':
        if (operand.bank !== 'b') this.a[operand.n] = value;
        if (operand.bank !== 'a') this.b[operand.n] = value;
        return;
      case 'transfer':
        this.sent[operand.n] = value;
        return;
      case 'local':
        this.memory.store32(this.place(operand), value >>> 0);
        return;
      default:
    }
  }

  /** Where a word of local memory is; a window that moves does so behind the access. */
  private place({ index, offset, step }: Extract<Operand, { kind: 'local' }>): number {
    const window = this.windows[index] as number;
    // The distance is or-ed, not added.
    const at = ((window & ~3) | (4 * offset)) >>> 0;
    if (step !== 'none') this.windows[index] = window + (step === 'up' ? 4 : -4);
    return at;
  }

  arithmetic({ op: name, dst, left, right }: Extract<Instruction, { kind: 'alu' }>): void {
    const a = this.value(left);
    const b = this.value(right);
    let wide: number;
    let isSum = true;
    switch (name) {
      case 'add':
        wide = a + b;
        break;
      case 'add-carry':
        wide = a + b + (this.carry ? 1 : 0);
        break;
      case 'sub':
        wide = a + (~b >>> 0) + 1;
        break;
      case 'sub-carry':
        wide = a + (~b >>> 0) + (this.carry ? 1 : 0);
        break;
      default:
        isSum = false;
        wide = logic(name, a, b);
    }
    const result = wide >>> 0;
    const added = name === 'sub' || name === 'sub-carry' ? ~b >>> 0 : b;
    this.zero = result === 0;
    this.minus = result > 0x7fff_ffff;
    this.carry = isSum && wide > 0xffff_ffff;
    this.overflow = isSum && ((a ^ result) & (added ^ result)) < 0;
    this.lastLeft = a;
    this.lastResult = result;
    this.write(dst, result);
  }

  shifted({ op: name, way, amount, left, right }: Extract<Instruction, { kind: 'shift' }>): number {
    const count = amount === 0 && way !== 'none' ? this.lastLeft & 31 : amount;
    const a = name === 'b' && way !== 'double' ? 0 : this.value(left);
    const b = this.value(right);
    let moved = rotated(b, way, count);
    if (way === 'double') return count === 0 ? b : ((b >>> count) | (a << (32 - count))) >>> 0;
    if (name === 'sign' && count > 0 && this.lastResult > 0x7fff_ffff) moved = (moved | (-1 << (32 - count))) >>> 0;
    if (name === 'and') return (a & moved) >>> 0;
    return name === 'or' ? (a | moved) >>> 0 : moved;
  }

  writeField({ dst, mask, source, way, amount, clears }: Extract<Instruction, { kind: 'field' }>): void {
    let bits = 0;
    for (let i = 0; i < 4; i++) if (((mask >> i) & 1) === 1) bits |= 0xff << (8 * i);
    const moved = rotated(this.value(source), way, amount);
    const old = clears ? 0 : this.value(dst);
    this.lastResult = ((old & ~bits) | (moved & bits)) >>> 0;
    this.write(dst, this.lastResult);
  }

  writeConstant({ dst, value, bytes, inverts, half }: Extract<Instruction, { kind: 'immediate' }>): void {
    const { read } = this;
    if (read !== undefined) {
      this.read = undefined;
      this.write(dst, read);
      return;
    }
    let word = (value << (8 * bytes)) >>> 0;
    if (inverts) word = ~word >>> 0;
    if (half) {
      const old = dst.kind === 'transfer' ? (this.sent[dst.n] as number) : this.value(dst);
      word = (word | (old & 0xffff)) >>> 0;
    }
    this.lastResult = word;
    this.write(dst, word);
  }

  holds(when: Extract<Instruction, { kind: 'branch' }>['when']): boolean {
    switch (when) {
      case 'eq':
        return this.zero;
      case 'ne':
        return !this.zero;
      case 'minus':
        return this.minus;
      case 'carry':
        return this.carry;
      case 'no-carry':
        return !this.carry;
      case 'ge':
        return this.minus === this.overflow;
      case 'lt':
        return this.minus !== this.overflow;
      case 'always':
        return true;
    }
  }

  /** The operands are taken at the start; steps but the last ones take time only. */
  multiply({ type, step, left, right }: Extract<Instruction, { kind: 'multiply' }>): void {
    if (type === 0) this.product = BigInt(this.value(left)) * BigInt(this.value(right));
    else if (step === lastSteps.low) this.write(left, Number(this.product & 0xffff_ffffn));
    else if (step === lastSteps.high) this.write(left, Number(this.product >> 32n));
  }

  pair(register: number): bigint {
    return BigInt(this.b[2 * register] as number) | (BigInt(this.b[2 * register + 1] as number) << 32n);
  }

  setPair(register: number, value: bigint): void {
    const [low, high] = [Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn)];
    for (const bank of [this.a, this.b]) {
      bank[2 * register] = low;
      bank[2 * register + 1] = high;
    }
  }

  divide({ remainder, signed, wide, dst, src }: Extract<Routine, { kind: 'division' }>): void {
    const bits = wide ? 64 : 32;
    const cut = (value: bigint): bigint => (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
    const constant = BigInt.asUintN(64, BigInt((this.b[scratch.second] as number) | 0));
    const left = cut(this.pair(dst));
    const right = cut(src === 15 ? constant : this.pair(src));
    const quotient = right === 0n ? 0n : left / right;
    const rest = right === 0n ? left : left % right;
    this.setPair(dst, BigInt.asUintN(bits, remainder ? rest : quotient));
  }
}

function rotated(value: number, way: 'none' | 'right' | 'left' | 'double', count: number): number {
  if (count === 0 || way === 'double') return value;
  if (way === 'none') return ((value >>> count) | (value << (32 - count))) >>> 0;
  return way === 'right' ? value >>> count : (value << count) >>> 0;
}

function logic(name: string, a: number, b: number): number {
  switch (name) {
    case 'b':
      return b;
    case 'not':
      return ~b >>> 0;
    case 'and':
      return (a & b) >>> 0;
    case 'and-not-a':
      return (~a & b) >>> 0;
    case 'and-not-b':
      return (a & ~b) >>> 0;
    case 'or':
      return (a | b) >>> 0;
    default:
      return (a ^ b) >>> 0;
  }
}

/** The name of what an arithmetic instruction makes of its operands' names. */
import { type Insn, insnClass, op } from '../isa/index.js';
import { constantOf, maskOver, u32, u64, type Value, type Values } from './values.js';

/** Names of operations by the high bits of the opcode. */
const names: ReadonlyMap<number, string> = new Map([
  [op.MUL, 'mul'],
  [op.DIV, 'div'],
  [op.OR, 'or'],
  [op.AND, 'and'],
  [op.LSH, 'lsh'],
  [op.RSH, 'rsh'],
  [op.MOD, 'mod'],
  [op.XOR, 'xor'],
  [op.ARSH, 'arsh'],
]);

/** The low half, the upper one zero. */
export function zext(values: Values, value: Value): Value {
  const constant = constantOf(value);
  if (constant !== undefined) return values.constant(constant & u32);
  return value.ones <= u32 ? value : values.operation('zext', [value], value.ones & u32);
}

/** `dst op= src` where both are known by name. */
export function aluValue(values: Values, insn: Insn, dst: Value, src: Value): Value {
  const is64 = insnClass(insn) === op.ALU64;
  const kind = insn.code & 0xf0;
  if (kind === op.END) return swapped(values, insn, dst);
  const bits = is64 ? 64 : 32;
  const a = is64 ? dst : zext(values, dst);
  const b = is64 ? src : zext(values, src);
  const x = constantOf(a);
  const y = constantOf(b);
  const wrap = (value: bigint): Value => values.constant(BigInt.asUintN(bits, value));
  switch (kind) {
    case op.MOV: {
      if (insn.off === 0) return b;
      const width = insn.off;
      if (y !== undefined) return wrap(BigInt.asIntN(width, y));
      // A number that is not negative in the narrow form is its own extension.
      if (b.ones < 1n << BigInt(width - 1)) return b;
      return values.operation(`movsx${width}_${bits}`, [b], is64 ? u64 : u32);
    }
    case op.NEG:
      return x !== undefined ? wrap(-x) : values.operation(`neg${bits}`, [a], is64 ? u64 : u32);
    case op.ADD:
      if (is64) return values.sum(a, b);
      return x !== undefined && y !== undefined ? wrap(x + y) : sum32(values, a, b);
    case op.SUB:
      if (is64) return values.difference(a, b);
      if (x !== undefined && y !== undefined) return wrap(x - y);
      return y !== undefined ? sum32(values, a, values.constant(-y)) : values.operation('sub32', [a, b], u32);
    default:
      return plain(values, insn, bits, a, b);
  }
}

/** The low half of a sum; of one that does not wrap, the sum. */
function sum32(values: Values, a: Value, b: Value): Value {
  const whole = values.sum(a, b);
  return zext(values, whole);
}

/** `le`, `be` and `bswap`: those that swap nothing cut the value to their width. */
function swapped(values: Values, insn: Insn, dst: Value): Value {
  const width = insn.imm;
  const isSwap = insnClass(insn) === op.ALU64 || (insn.code & op.X) !== 0;
  const mask = width === 64 ? u64 : (1n << BigInt(width)) - 1n;
  const constant = constantOf(dst);
  if (!isSwap) {
    if (constant !== undefined) return values.constant(constant & mask);
    return (dst.ones & ~mask & u64) === 0n
      ? dst
      : values.operation('and64', [dst, values.constant(mask)], dst.ones & mask);
  }
  if (constant !== undefined) {
    let out = 0n;
    for (let i = 0; i < width / 8; i++) out = (out << 8n) | ((constant >> BigInt(8 * i)) & 0xffn);
    return values.constant(out);
  }
  const atom = values.atomOf(dst);
  const inner = atom?.args[0];
  // Twice is not at all.
  if (atom?.op === `swap${width}` && inner !== undefined && inner.ones <= mask) return inner;
  return values.operation(`swap${width}`, [dst], mask);
}

/** Everything else: constants are computed, sums stay sums, the rest becomes an atom of the operation's name. */
function plain(values: Values, insn: Insn, bits: 32 | 64, a: Value, b: Value): Value {
  const kind = insn.code & 0xf0;
  const limit = bits === 64 ? u64 : u32;
  const x = constantOf(a);
  const y = constantOf(b);
  const name = `${names.get(kind) ?? `op${kind}`}${insn.off === 0 ? '' : `s${insn.off}`}${bits}`;
  if (x !== undefined && y !== undefined) {
    const folded = fold(kind, insn.off, bits, x, y);
    if (folded !== undefined) return values.constant(BigInt.asUintN(bits, folded));
  }
  const amount = y === undefined ? undefined : y & BigInt(bits - 1);
  switch (kind) {
    case op.AND:
      if (y !== undefined && (a.ones & ~y & u64) === 0n) return a;
      if (x !== undefined && (b.ones & ~x & u64) === 0n) return b;
      if ((a.ones & b.ones) === 0n) return values.constant(0n);
      return commutative(values, name, a, b, a.ones & b.ones);
    case op.OR:
      if (y === 0n || a === b) return a;
      if (x === 0n) return b;
      return commutative(values, name, a, b, a.ones | b.ones);
    case op.XOR:
      if (y === 0n) return a;
      if (x === 0n) return b;
      if (a === b) return values.constant(0n);
      return commutative(values, name, a, b, a.ones | b.ones);
    case op.LSH:
      if (amount === 0n) return a;
      return values.operation(
        name,
        [a, amount === undefined ? b : values.constant(amount)],
        amount === undefined ? limit : (a.ones << amount) & limit,
      );
    case op.RSH: {
      if (amount === 0n) return a;
      const inner = values.atomOf(a);
      const [base, back] = inner?.args ?? [];
      // The pair of shifts that clears the upper half.
      if (bits === 64 && amount === 32n && inner?.op === 'lsh64' && constantOf(back) === 32n && base !== undefined) {
        return zext(values, base);
      }
      return values.operation(
        name,
        [a, amount === undefined ? b : values.constant(amount)],
        amount === undefined ? maskOver(a.ones) : a.ones >> amount,
      );
    }
    case op.MUL:
      if (y === 1n) return a;
      if (y === 0n) return values.constant(0n);
      return commutative(values, name, a, b, maskOver(a.ones * b.ones) & limit);
    case op.DIV:
      return values.operation(name, [a, b], insn.off === 0 ? maskOver(a.ones) : limit);
    case op.MOD:
      return values.operation(name, [a, b], insn.off === 0 ? maskOver(a.ones) : limit);
    case op.ARSH:
      if (amount === 0n) return a;
      return values.operation(name, [a, amount === undefined ? b : values.constant(amount)], limit);
    default:
      return values.operation(`${name}_${insn.imm}`, [a, b], limit);
  }
}

/** One name for a o b and b o a. */
function commutative(values: Values, name: string, a: Value, b: Value, ones: bigint): Value {
  // A constant is the second operand, where who reads the atom looks for it.
  const swap = constantOf(a) !== undefined || (constantOf(b) === undefined && a.id > b.id);
  return values.operation(name, swap ? [b, a] : [a, b], ones);
}

/** The operation on numbers (RFC 9669, section 4.1); undefined: not computed here. */
function fold(kind: number, off: number, bits: 32 | 64, x: bigint, y: bigint): bigint | undefined {
  const amount = y & BigInt(bits - 1);
  const sx = BigInt.asIntN(bits, x);
  const sy = BigInt.asIntN(bits, y);
  switch (kind) {
    case op.MUL:
      return x * y;
    case op.OR:
      return x | y;
    case op.AND:
      return x & y;
    case op.XOR:
      return x ^ y;
    case op.LSH:
      return x << amount;
    case op.RSH:
      return x >> amount;
    case op.ARSH:
      return sx >> amount;
    case op.DIV:
      if (off !== 0) return sy === 0n ? 0n : sx / sy;
      return y === 0n ? 0n : x / y;
    case op.MOD:
      if (off !== 0) return sy === 0n ? sx : sx % sy;
      return y === 0n ? x : x % y;
    default:
      return undefined;
  }
}

/** ALU instructions: what they may be applied to and what they leave (check_alu_op in the kernel). */
import { type Insn, insnClass, op } from '../isa/index.js';
import type { Env } from './env.js';
import { addPointer } from './pointer-arith.js';
import { constReg, type RegState, scalarReg, unknownReg } from './reg-state.js';
import { constScalar, loadedScalar, type Scalar, unknownScalar } from './scalar.js';
import { aluScalars, signExtend, signExtend32, swapBytes, zeroExtend } from './scalar-alu.js';
import { Trail } from './trail.js';

/** Operators as they stand in assembler text and in refusals, by the operation bits of the opcode. */
export const operatorText: Readonly<Record<number, string>> = {
  [op.ADD]: '+=',
  [op.SUB]: '-=',
  [op.MUL]: '*=',
  [op.DIV]: '/=',
  [op.OR]: '|=',
  [op.AND]: '&=',
  [op.LSH]: '<<=',
  [op.RSH]: '>>=',
  [op.NEG]: 'neg',
  [op.MOD]: '%=',
  [op.XOR]: '^=',
  [op.MOV]: '=',
  [op.ARSH]: 's>>=',
  [op.END]: 'endian',
};

/**
 * Checks an instruction of class ALU or ALU64 and puts what is known of its result in the destination (check_alu_op).
 * Numbers go to scalar-alu.ts, pointer arithmetic to its own rules: a pointer takes a number that is bounded, within
 * 2^29 of where it points, and no other operation than + and -.
 */
export function checkAlu(env: Env, insn: Insn): void {
  const code = insn.code & 0xf0;
  const is32 = insnClass(insn) === op.ALU;
  switch (code) {
    case op.NEG:
      checkNeg(env, insn, is32);
      return;
    case op.END:
      checkEndian(env, insn, is32);
      return;
    case op.MOV:
      checkMove(env, insn, is32);
      return;
    default:
      checkBinary(env, insn, code, is32);
  }
}

/** `r1 = -r1`. A negated address is some number. */
function checkNeg(env: Env, insn: Insn, is32: boolean): void {
  if ((insn.code & op.X) !== 0 || insn.src !== 0 || insn.off !== 0 || insn.imm !== 0) {
    env.reject('reserved-fields', { group: 'BPF_NEG' });
  }
  const dst = env.read(insn.dst);
  const result =
    dst.kind === 'scalar'
      ? scalarReg(aluScalars(op.NEG, is32, dst.range, dst.range), dst.trail.fork())
      : scalarReg(is32 ? loadedScalar(4) : unknownScalar);
  env.write(insn.dst, result);
}

/** Byte swaps and truncations. Jitnic's programs are little-endian, as its hosts are. */
function checkEndian(env: Env, insn: Insn, is32: boolean): void {
  const widthFits = insn.imm === 16 || insn.imm === 32 || insn.imm === 64;
  // In the 64-bit class only the unconditional swap exists.
  if (insn.src !== 0 || insn.off !== 0 || !widthFits || (!is32 && (insn.code & op.X) !== 0)) {
    env.reject('reserved-fields', { group: 'BPF_END' });
  }
  const dst = env.read(insn.dst);
  // On a little-endian host "to little" only truncates.
  const swaps = !is32 || (insn.code & op.X) !== 0;
  const range = dst.kind === 'scalar' ? swapBytes(dst.range, insn.imm / 8, swaps) : unknownScalar;
  env.write(insn.dst, scalarReg(range, dst.trail.fork()));
}

/** Gives a scalar an id before it is copied, so that what a branch teaches of one copy holds for the other. */
export function linkScalar(env: Env, reg: RegState): RegState {
  if (reg.kind !== 'scalar') return reg;
  if (reg.addConst === 0 && (reg.id !== 0 || reg.range.isConst)) return reg;
  const linked = reg.copy();
  linked.addConst = 0;
  linked.off = 0;
  linked.id = reg.range.isConst ? 0 : env.newId();
  return linked;
}

/** `r1 = r2`, `r1 = imm` and the sign-extending moves. A whole copy shares its id with the original. */
function checkMove(env: Env, insn: Insn, is32: boolean): void {
  if ((insn.code & op.X) === 0) {
    if (insn.src !== 0 || insn.off !== 0) env.reject('reserved-fields', { group: 'BPF_MOV' });
    env.write(insn.dst, constReg(is32 ? BigInt(insn.imm >>> 0) : BigInt(insn.imm)));
    return;
  }
  const extends32 = insn.off === 8 || insn.off === 16;
  if (insn.imm !== 0 || !(insn.off === 0 || extends32 || (!is32 && insn.off === 32))) {
    if (!is32 && insn.off === 1) env.reject('addr-space-cast');
    env.reject('reserved-fields', { group: 'BPF_MOV' });
  }
  const src = env.read(insn.src);
  env.checkWritable(insn.dst);
  if (!is32 && insn.off === 0) {
    const linked = linkScalar(env, src);
    if (linked !== src) env.frame.regs[insn.src] = linked;
    env.write(insn.dst, linked.forked());
    return;
  }
  if (src.kind !== 'scalar') {
    // The low half of an address, or its sign extension: some number.
    env.write(insn.dst, is32 ? scalarReg(loadedScalar(4)) : unknownReg());
    return;
  }
  env.write(insn.dst, is32 ? moveNarrow(env, insn, src) : moveSigned(env, insn, src));
}

/** `w1 = w2`, `w1 = (s8)w2`. */
function moveNarrow(env: Env, insn: Insn, src: RegState): RegState {
  if (insn.off === 0) {
    // The copy is linked only if it is the whole value.
    const whole = src.range.umax <= 0xffff_ffffn;
    return copyAs(env, insn, src, whole, zeroExtend(src.range));
  }
  const whole = src.range.umax < 1n << BigInt(insn.off - 1);
  return copyAs(env, insn, src, whole, signExtend32(src.range, insn.off >> 3));
}

/** `r1 = (s8)r2`. */
function moveSigned(env: Env, insn: Insn, src: RegState): RegState {
  const whole = src.range.umax < 1n << BigInt(insn.off - 1);
  // Linux extends the range even where nothing changes, which leaves less of the bits.
  return copyAs(env, insn, src, whole, signExtend(src.range, insn.off >> 3));
}

/** A copy with another range, which keeps the original's id if it is the same number. */
function copyAs(env: Env, insn: Insn, src: RegState, linked: boolean, range: RegState['range']): RegState {
  let from = src;
  if (linked) {
    from = linkScalar(env, src);
    if (from !== src) env.frame.regs[insn.src] = from;
  }
  const to = from.forked();
  to.range = range;
  if (!linked) {
    to.id = 0;
    to.addConst = 0;
    to.off = 0;
  }
  return to;
}

/** Operators of two operands: number with number, pointer with number, and the difference of two pointers. */
function checkBinary(env: Env, insn: Insn, code: number, is32: boolean): void {
  const fromReg = (insn.code & op.X) !== 0;
  const signed = insn.off === 1 && (code === op.DIV || code === op.MOD);
  if ((insn.off !== 0 && !signed) || (fromReg ? insn.imm !== 0 : insn.src !== 0)) {
    env.reject('reserved-fields', { group: 'BPF_ALU' });
  }
  const src = fromReg ? env.read(insn.src) : undefined;
  const dst = env.read(insn.dst);
  if (!fromReg) {
    if ((code === op.DIV || code === op.MOD) && insn.imm === 0) env.reject('div-by-zero');
    const isShift = code === op.LSH || code === op.RSH || code === op.ARSH;
    if (isShift && (insn.imm < 0 || insn.imm >= (is32 ? 32 : 64))) env.reject('invalid-shift', { shift: insn.imm });
  }
  env.checkWritable(insn.dst);

  const operand = src ?? constReg(BigInt(insn.imm));
  if (operand.kind === 'scalar' && dst.kind === 'scalar') {
    env.write(insn.dst, combine(env, insn, code, is32, dst, operand));
  } else if (operand.kind !== 'scalar' && dst.kind !== 'scalar') {
    // The difference of two addresses is a number; nothing else about two addresses is.
    if (code !== op.SUB) env.reject('pointer-op-pointer', { reg: insn.dst, op: operatorText[code] ?? '?' });
    env.write(insn.dst, unknownReg());
  } else {
    const pointer = dst.kind === 'scalar' ? operand : dst;
    const amount = dst.kind === 'scalar' ? dst : operand;
    if (fromReg) env.need(amount);
    env.write(insn.dst, addPointer(env, insn, code, is32, pointer, amount, pointer === dst));
  }
}

/** Two numbers: the result came from both, which is what its trail says. */
function combine(env: Env, insn: Insn, code: number, is32: boolean, dst: RegState, src: RegState): RegState {
  // A 32-bit instruction sees its immediate as 32 bits.
  const operand = is32 && (insn.code & op.X) === 0 ? constScalar(BigInt(insn.imm >>> 0)) : src.range;
  const { alu } = env.shape.memos;
  const known =
    alu.find(env.pc, dst.range, operand) ??
    alu.keep(env.pc, dst.range, operand, aluScalars(code, is32, dst.range, operand));
  const result = scalarReg(known.result, new Trail(dst.trail, src.trail));
  const delta = constantDelta(insn, code, is32, dst, operand);
  if (delta !== undefined && !result.range.isConst) {
    result.id = dst.id;
    result.addConst = is32 ? 32 : 64;
    result.off = delta;
  }
  return result;
}

/** `r1 = r2; r1 += 4`: r1 stays linked to r2, four above it. Undefined where no link remains. */
function constantDelta(insn: Insn, code: number, is32: boolean, dst: RegState, operand: Scalar): number | undefined {
  if (dst.id === 0 || dst.addConst !== 0 || (code !== op.ADD && code !== op.SUB)) return undefined;
  if ((insn.code & op.X) !== 0 && insn.src === insn.dst) return undefined;
  let off: bigint;
  if (is32) {
    // The upper half is lost: it must have been zero.
    if ((operand.mask & 0xffff_ffffn) !== 0n || dst.range.umax > 0xffff_ffffn) return undefined;
    off = BigInt.asIntN(32, operand.value);
  } else {
    if (!operand.isConst || operand.smin < -0x8000_0000n || operand.smin > 0x7fff_ffffn) return undefined;
    off = operand.smin;
  }
  if (code === op.ADD) return Number(off);
  return off === -0x8000_0000n ? undefined : Number(-off);
}

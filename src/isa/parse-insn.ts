/**
 * One instruction in LLVM's or the kernel's syntax, or a mixture, to its slots. The forms come from the instruction
 * table; what only a whole program can tell (labels, functions, maps) is handed back as a {@link Reference}.
 */
import { Cursor, type TextPlace } from './cursor.js';
import type { Insn } from './insn.js';
import { formNamed, type InsnForm } from './instructions.js';
import * as op from './opcode.js';
import { aluOperators, atomicOperators, jumpOperators, sizes } from './operators.js';

/** A name in an instruction that is still to be resolved. */
export type Reference =
  /** Goes to `off`, or to `imm` of `gotol`. */
  | { readonly kind: 'jump'; readonly label: string; readonly fallback: number | undefined }
  | { readonly kind: 'call'; readonly symbol: string }
  /** A 64-bit load of an address; `addend` is undefined where none is written. */
  | {
      readonly kind: 'address';
      readonly symbol: string;
      readonly addend: number | undefined;
      readonly as: 'any' | 'map' | 'function';
    };

/** One statement's slots. Where it refers to a name, the fields that the name decides are 0. */
export interface ParsedInsn {
  /** One slot, or two of a 64-bit load. */
  readonly insns: readonly Insn[];
  readonly reference?: Reference | undefined;
}

/** `r3` or `w3`: the width decides which class an instruction is of. */
interface Register {
  readonly number: number;
  readonly width: 32 | 64;
}

/**
 * Parses one statement. `opcode` is the one that a verifier log prints in parentheses: it settles what the text leaves
 * open and lets comparisons be written as the kernel does, with a negative constant as 32 unsigned bits. Throws
 * InputError.
 */
export function parseInsn(text: string, place: TextPlace, opcode?: number): ParsedInsn {
  const cursor = new Cursor(text, place);
  const parsed = statement(cursor, opcode);
  cursor.finish();
  if (opcode !== undefined && parsed.insns[0]?.code !== opcode) {
    const code = parsed.insns[0]?.code.toString(16).padStart(2, '0');
    cursor.fail(`the text is opcode ${code}, not (${opcode.toString(16).padStart(2, '0')},)`.replace(',)', ')'));
  }
  return parsed;
}

/** The slots of a form with these operands; reserved fields are what the table says. */
export function buildInsn(form: InsnForm, operands: Partial<Omit<Insn, 'code'>> = {}): Insn {
  const field = (name: 'dst' | 'src' | 'off' | 'imm'): number => {
    const fixed = form[name];
    return typeof fixed === 'number' ? fixed : (operands[name] ?? 0);
  };
  return { code: form.code, dst: field('dst'), src: field('src'), off: field('off'), imm: field('imm') };
}

/** An instruction of one form, by its name in the table. */
function one(name: string, operands: Partial<Omit<Insn, 'code'>>, reference?: Reference): ParsedInsn {
  return { insns: [buildInsn(formNamed(name), operands)], reference };
}

/** Decides by the first token. `opcode`: that of a listing, which tells forms apart that are written alike. */
function statement(cursor: Cursor, opcode: number | undefined): ParsedInsn {
  if (cursor.accept('exit')) return one('exit', {});
  if (cursor.accept('if')) return conditionalJump(cursor, opcode);
  if (cursor.accept('goto')) return jump(cursor, 'ja', {});
  if (cursor.accept('gotol')) return jump(cursor, 'gotol', {});
  if (cursor.accept('may_goto')) return jump(cursor, 'may_goto', {});
  if (cursor.accept('call')) return call(cursor);
  if (cursor.accept('callx')) {
    return cursor.fail('indirect calls do not exist in Linux', 'call a function by its name');
  }
  if (cursor.accept('ld_pseudo')) return ldPseudo(cursor);
  if (cursor.accept('lock')) return lockedUpdate(cursor);
  if (cursor.accept('store_release')) return storeRelease(cursor);
  if (cursor.peek() === '*') return store(cursor);
  const dst = register(cursor);
  if (cursor.accept('=')) return assignment(cursor, dst, opcode);
  const sign = cursor.next();
  const row = aluOperators.find((candidate) => candidate.sign === sign);
  if (row === undefined)
    cursor.fail(`\`${sign}\` is no operator`, 'operators are =, += -= *= /= |= &= <<= >>= %= ^= s>>= s/= s%=');
  return operate(cursor, `${row.name}${dst.width}`, dst);
}

const registerPattern = /^([rw])(\d+)$/;

function isRegister(cursor: Cursor, ahead = 0): boolean {
  return cursor.kind(ahead) === 'word' && registerPattern.test(cursor.peek(ahead));
}

function register(cursor: Cursor): Register {
  const found = registerPattern.exec(cursor.peek());
  if (found === null || cursor.kind() !== 'word') {
    return cursor.fail(`expected an instruction or a register${cursor.before()}`);
  }
  const number = Number(found[2]);
  if (number > 10) cursor.fail(`R${number} is invalid`, 'registers are r0 to r10, their lower halves w0 to w10');
  cursor.next();
  return { number, width: found[1] === 'r' ? 64 : 32 };
}

/**
 * A 32-bit constant. Hex up to 0xffffffff may stand for its negative where only 32 bits count or the kernel writes it
 * so.
 */
export function constant(cursor: Cursor, unsignedToo: boolean): number {
  const value = cursor.number();
  if (value >= -0x80000000n && value <= 0x7fffffffn) return Number(value);
  if (unsignedToo && value > 0 && value <= 0xffffffffn) return Number(BigInt.asIntN(32, value));
  return cursor.fail(
    `constant ${value} does not fit`,
    'constants are 32 bits, sign-extended to 64: load a larger one with `rN = VALUE ll` first',
  );
}

/** The right side of `r1 += ...`: a register of the same width, or a constant. */
function operate(cursor: Cursor, mnemonic: string, dst: Register): ParsedInsn {
  if (!isRegister(cursor)) {
    return one(`${mnemonic} imm`, { dst: dst.number, imm: constant(cursor, dst.width === 32) });
  }
  const src = register(cursor);
  if (src.width !== dst.width) cursor.fail('operands of different width', 'use two r or two w registers');
  return one(`${mnemonic} reg`, { dst: dst.number, src: src.number });
}

/** `if r1 > 5 goto ...`; a `w` register makes it a 32-bit comparison. */
function conditionalJump(cursor: Cursor, opcode: number | undefined): ParsedInsn {
  const left = register(cursor);
  const sign = cursor.next();
  const row = jumpOperators.find((candidate) => candidate.sign === sign);
  if (row === undefined) {
    return cursor.fail(`\`${sign}\` is no comparison`, 'comparisons are == != > >= < <= s> s>= s< s<= &');
  }
  const mnemonic = left.width === 64 ? row.name : `${row.name}32`;
  if (isRegister(cursor)) {
    const right = register(cursor);
    if (right.width !== left.width) cursor.fail('operands of different width', 'use two r or two w registers');
    cursor.expect('goto');
    return jump(cursor, `${mnemonic} reg`, { dst: left.number, src: right.number });
  }
  // `pc` in the target is the kernel's syntax, in which constants are 32 unsigned bits.
  const kernel = opcode !== undefined || /\bpc\s*[+-]/.test(cursor.text);
  const imm = constant(cursor, kernel || left.width === 32);
  cursor.expect('goto');
  return jump(cursor, `${mnemonic} imm`, { dst: left.number, imm });
}

/** `+5`, `pc+5`, `LABEL`, or `+5 <LABEL>`, where the label wins if it exists. */
function jump(cursor: Cursor, name: string, operands: Partial<Omit<Insn, 'code'>>): ParsedInsn {
  const form = formNamed(name);
  const long = form.imm === 's32' && form.off === 0;
  cursor.accept('pc');
  if (cursor.kind() === 'word' || cursor.kind() === 'string') {
    return one(name, operands, { kind: 'jump', label: cursor.symbol('a label'), fallback: undefined });
  }
  const limit = long ? 0x80000000n : 0x8000n;
  const distance = cursor.bounded('jump distance', -limit, limit - 1n);
  const filled = long ? { ...operands, imm: distance } : { ...operands, off: distance };
  const label = bracketed(cursor);
  return one(name, filled, label === undefined ? undefined : { kind: 'jump', label, fallback: distance });
}

/** `<LABEL>` behind a distance. What a disassembler computed, such as `<f+0x50>`, says nothing new. */
function bracketed(cursor: Cursor): string | undefined {
  if (!cursor.accept('<')) return undefined;
  const words: string[] = [];
  while (!cursor.atEnd() && cursor.peek() !== '>') {
    words.push(cursor.kind() === 'string' ? cursor.symbol('a label') : cursor.next());
  }
  cursor.expect('>');
  return words.length === 1 ? words[0] : undefined;
}

/** `call 0x1`, `call NAME`, `call NAME#1`, `call pc+3`, `call pc+3#NAME`. */
function call(cursor: Cursor): ParsedInsn {
  if (cursor.kind() === 'word' && cursor.peek() === 'pc' && /[+-]/.test(cursor.peek(1))) {
    cursor.next();
    const imm = cursor.bounded('call distance', -0x80000000n, 0x7fffffffn);
    if (cursor.accept('#')) while (!cursor.atEnd()) cursor.next();
    return one('call local', { imm });
  }
  if (cursor.kind() === 'word' || cursor.kind() === 'string') {
    const symbol = cursor.symbol('a function');
    if (!cursor.accept('#')) return one('call helper', {}, { kind: 'call', symbol });
    const imm = cursor.bounded('helper', -0x80000000n, 0x7fffffffn);
    return one('call helper', { imm });
  }
  return one('call helper', { imm: constant(cursor, false) });
}

/** `ld_pseudo r1, KIND, LOW[, HIGH]`. */
function ldPseudo(cursor: Cursor): ParsedInsn {
  const dst = register(cursor).number;
  cursor.expect(',');
  const src = cursor.bounded('kind', 0n, 15n);
  cursor.expect(',');
  const low = cursor.bounded('value', -0x80000000n, 0xffffffffn) | 0;
  const high = cursor.accept(',') ? cursor.bounded('upper half', -0x80000000n, 0xffffffffn) | 0 : 0;
  return {
    insns: [
      { code: op.LDDW, dst, src, off: 0, imm: low },
      { code: 0, dst: 0, src: 0, off: 0, imm: high },
    ],
  };
}

/** `r1 + 8`. */
interface Address {
  readonly base: number;
  readonly off: number;
}

/** `(r1 + 0x4)`, `(r1 +4)`, `(r1)`, without the parentheses. */
function address(cursor: Cursor): Address {
  const base = register(cursor);
  if (base.width !== 64) cursor.fail('an address is a 64-bit register', `write r${base.number}`);
  const off = cursor.peek() === ')' || cursor.peek() === ',' ? 0 : cursor.bounded('offset', -0x8000n, 0x7fffn);
  return { base: base.number, off };
}

/** `u8` to `u64`, `s8` to `s32`. */
interface MemoryType {
  readonly letter: string;
  readonly bytes: number;
  readonly signed: boolean;
}

/** `(u32 *)`. */
function memoryType(cursor: Cursor): MemoryType {
  cursor.expect('(');
  const name = cursor.next();
  const found = /^([us])(8|16|32|64)$/.exec(name);
  const row = sizes.find((size) => 8 * size.bytes === Number(found?.[2]));
  if (row === undefined) return cursor.fail(`\`${name}\` is no access type`, 'types are u8 u16 u32 u64 s8 s16 s32');
  cursor.expect('*');
  cursor.expect(')');
  return { letter: row.letter, bytes: row.bytes, signed: found?.[1] === 's' };
}

function parenthesized(cursor: Cursor): Address {
  cursor.expect('(');
  const at = address(cursor);
  cursor.expect(')');
  return at;
}

/** `*(u32 *)(r1 + 0x4) = r2`. */
function store(cursor: Cursor): ParsedInsn {
  cursor.expect('*');
  const type = memoryType(cursor);
  if (type.signed) cursor.fail('a store has no sign', `write u${8 * type.bytes}`);
  const { base, off } = parenthesized(cursor);
  cursor.expect('=');
  if (!isRegister(cursor)) {
    return one(`st${type.letter}`, { dst: base, off, imm: constant(cursor, type.bytes < 8) });
  }
  const src = register(cursor);
  if (src.width === 32 && type.bytes === 8) cursor.fail('a w register holds 32 bits', `write r${src.number}`);
  return one(`stx${type.letter}`, { dst: base, off, src: src.number });
}

/** `lock *(u64 *)(r1 + 0x0) += r2`. */
function lockedUpdate(cursor: Cursor): ParsedInsn {
  cursor.expect('*');
  const type = memoryType(cursor);
  const { base, off } = parenthesized(cursor);
  const sign = cursor.next();
  const row = atomicOperators.find((candidate) => candidate.sign === sign);
  if (row === undefined) return cursor.fail(`\`${sign}\` is no atomic operator`, 'operators are += |= &= ^=');
  const src = register(cursor);
  checkWidth(cursor, src, type.bytes);
  return one(`atomic_${row.name}${atomicWidth(cursor, type.bytes)}`, { dst: base, off, src: src.number });
}

/** Half a register cannot hold 64 bits; the kernel writes r registers for all widths. */
function checkWidth(cursor: Cursor, { number, width }: Register, bytes: number): void {
  if (width === 32 && bytes === 8) cursor.fail('the access has 64 bits', `write r${number}`);
}

/** Atomics are 4 or 8 bytes wide. */
function atomicWidth(cursor: Cursor, bytes: number): 32 | 64 {
  if (bytes !== 4 && bytes !== 8) cursor.fail('atomics are 4 or 8 bytes wide', 'use u32 or u64');
  return bytes === 8 ? 64 : 32;
}

/** `store_release((u64 *)(r1 + 0x0), r2)`. */
function storeRelease(cursor: Cursor): ParsedInsn {
  cursor.expect('(');
  const type = memoryType(cursor);
  const { base, off } = parenthesized(cursor);
  cursor.expect(',');
  const src = register(cursor);
  checkWidth(cursor, src, type.bytes);
  cursor.expect(')');
  return one(`store_release_${type.letter}`, { dst: base, off, src: src.number });
}

/** What follows `rN =`. */
function assignment(cursor: Cursor, dst: Register, opcode: number | undefined): ParsedInsn {
  if (cursor.peek() === '-' && isRegister(cursor, 1)) {
    cursor.next();
    const src = register(cursor);
    if (src.number !== dst.number || src.width !== dst.width) cursor.fail('negation works in place', 'negate a copy');
    return one(`neg${dst.width}`, { dst: dst.number });
  }
  if (isRegister(cursor)) return operate(cursor, `mov${dst.width}`, dst);
  if (cursor.accept('(')) return signExtend(cursor, dst);
  if (cursor.accept('*')) return load(cursor, dst);
  if (cursor.kind() === 'number' || cursor.kind() === 'sign') return assignNumber(cursor, dst, opcode);
  if (cursor.kind() === 'word') {
    const swap = /^(?:be|le|bswap)(?:16|32|64)$/.exec(cursor.peek());
    if (swap !== null && isRegister(cursor, 1)) return swapBytes(cursor, dst);
    if (cursor.peek(1) === '(') return assignAtomic(cursor, dst);
    if (cursor.peek(1) === '[') return assignKernelAddress(cursor, dst);
  }
  return assignAddress(cursor, dst);
}

/** `(s8) r1`: a move that extends the sign. */
function signExtend(cursor: Cursor, dst: Register): ParsedInsn {
  const type = cursor.next();
  cursor.expect(')');
  const src = register(cursor);
  if (!['s8', 's16', 's32'].includes(type) || (type === 's32' && dst.width === 32)) {
    cursor.fail(`\`(${type})\` extends nothing`, 'sign extensions are (s8), (s16), and (s32) to an r register');
  }
  if (src.width !== dst.width) cursor.fail('operands of different width', 'use two r or two w registers');
  return one(`movsx${type.slice(1)}to${dst.width}`, { dst: dst.number, src: src.number });
}

/** `*(u32 *)(r1 + 4)`, or a packet load `*(u16 *)skb[12]`. */
function load(cursor: Cursor, dst: Register): ParsedInsn {
  const type = memoryType(cursor);
  if (cursor.accept('skb')) {
    cursor.expect('[');
    if (dst.number !== 0) cursor.fail('packet loads go to r0');
    if (type.bytes === 8 || type.signed) cursor.fail('packet loads are u8, u16 or u32');
    const indirect = isRegister(cursor);
    const src = indirect ? register(cursor).number : 0;
    const imm = indirect && cursor.peek() === ']' ? 0 : constant(cursor, false);
    cursor.expect(']');
    return one(`${indirect ? 'ldind' : 'ldabs'}${type.letter}`, { src, imm });
  }
  const { base, off } = parenthesized(cursor);
  if (type.signed && type.bytes === 8) cursor.fail('a load of 64 bits has no sign', 'write u64');
  if (type.signed && dst.width === 32) cursor.fail('a signed load fills 64 bits', `write r${dst.number}`);
  if (type.bytes === 8 && dst.width === 32) cursor.fail('a w register holds 32 bits', `write r${dst.number}`);
  return one(`ldx${type.signed ? 's' : ''}${type.letter}`, { dst: dst.number, src: base, off });
}

/** `be16 r1`: in place only, as the instruction has one register. */
function swapBytes(cursor: Cursor, dst: Register): ParsedInsn {
  const name = cursor.next();
  const src = register(cursor);
  if (src.number !== dst.number) cursor.fail('a byte swap works in place', 'swap a copy');
  return one(name, { dst: dst.number });
}

/** A constant: 32 bits, sign-extended, where that is enough; else a 64-bit load, which `ll` asks for. */
function assignNumber(cursor: Cursor, dst: Register, opcode: number | undefined): ParsedInsn {
  const value = cursor.number();
  const wide = cursor.accept('ll') || opcode === 0x18;
  if (wide && dst.width === 32) cursor.fail('a w register holds 32 bits', `write r${dst.number}`);
  const short = value >= -0x80000000n && value <= (dst.width === 32 ? 0xffffffffn : 0x7fffffffn);
  if (short && !wide) {
    return one(`mov${dst.width} imm`, { dst: dst.number, imm: Number(BigInt.asIntN(32, value)) });
  }
  if (dst.width === 32 || value < -(2n ** 63n) || value >= 2n ** 64n) cursor.fail(`constant ${value} does not fit`);
  return { insns: buildLddw('number', dst.number, value) };
}

/** Both slots of a 64-bit load. */
export function buildLddw(what: string, dst: number, value: bigint): Insn[] {
  const low = Number(BigInt.asIntN(32, value));
  const high = Number(BigInt.asIntN(32, value >> 32n));
  return [buildInsn(formNamed(`lddw ${what}`), { dst, imm: low }), { code: 0, dst: 0, src: 0, off: 0, imm: high }];
}

/** A 64-bit load whose number the linker fills in. */
function addressLoad(dst: number, reference: Reference & { kind: 'address' }): ParsedInsn {
  return { insns: buildLddw('number', dst, 0n), reference };
}

/** `NAME ll`, `NAME + 8 ll`. */
function assignAddress(cursor: Cursor, dst: Register): ParsedInsn {
  const symbol = cursor.symbol('a value');
  const written = cursor.peek() === '+' || cursor.peek() === '-';
  const addend = written ? cursor.bounded('offset', -0x80000000n, 0xffffffffn) : undefined;
  cursor.expect('ll', 'the address of a symbol is a 64-bit load: `rN = NAME ll`');
  if (dst.width === 32) cursor.fail('an address is 64 bits wide', `write r${dst.number}`);
  return addressLoad(dst.number, { kind: 'address', symbol, addend, as: 'any' });
}

/** `map[NAME]`, `map[NAME][0]+8`, `subprog[NAME]`, where NAME may be an index. */
function assignKernelAddress(cursor: Cursor, dst: Register): ParsedInsn {
  const kind = cursor.next();
  if (kind !== 'map' && kind !== 'subprog')
    return cursor.fail(`\`${kind}[...]\` is unknown`, 'map[NAME] or subprog[NAME]');
  cursor.expect('[');
  if (kind === 'subprog' && (cursor.kind() === 'number' || cursor.kind() === 'sign')) {
    const imm = cursor.bounded('distance', -0x80000000n, 0x7fffffffn);
    cursor.expect(']');
    return { insns: buildLddw('function', dst.number, BigInt(imm) & 0xffffffffn) };
  }
  const index = cursor.kind() === 'number' ? cursor.bounded('map', 0n, 0x7fffffffn) : undefined;
  const symbol = index === undefined ? cursor.symbol('a name') : '';
  cursor.expect(']');
  let addend: number | undefined;
  if (kind === 'map' && cursor.accept('[')) {
    cursor.expect('0');
    cursor.expect(']');
    addend = cursor.atEnd() ? 0 : cursor.bounded('offset', 0n, 0xffffffffn);
  }
  if (index !== undefined) {
    const value = (BigInt(addend ?? 0) << 32n) | BigInt(index);
    return { insns: buildLddw(addend === undefined ? 'map' : 'map-value', dst.number, value) };
  }
  return addressLoad(dst.number, { kind: 'address', symbol, addend, as: kind === 'map' ? 'map' : 'function' });
}

const atomicCall =
  /^(?:atomic(?:64)?_(fetch_(?:add|or|and|xor)|xchg|cmpxchg)|(xchg|cmpxchg)(?:_64|32_32)|(load_acquire))$/;

/** `rN = atomic_fetch_add((u64 *)(r1 + 0x0), rN)` and its kin. */
function assignAtomic(cursor: Cursor, dst: Register): ParsedInsn {
  const name = cursor.next();
  const found = atomicCall.exec(name);
  const what = found?.[1] ?? found?.[2] ?? found?.[3];
  if (what === undefined) {
    return cursor.fail(
      `\`${name}(...)\` is unknown`,
      'atomic_fetch_add|or|and|xor, xchg_64, xchg32_32, cmpxchg_64, cmpxchg32_32, load_acquire',
    );
  }
  cursor.expect('(');
  // LLVM's exchanges name the width and write the bare address; all others write the access type.
  const bare = found?.[2] !== undefined;
  const type = bare ? undefined : memoryType(cursor);
  const { base, off } = bare ? address(cursor) : parenthesized(cursor);
  const bytes = type?.bytes ?? (name.endsWith('_64') ? 8 : 4);
  checkWidth(cursor, dst, bytes);
  if (what === 'load_acquire') {
    cursor.expect(')');
    return one(`load_acquire_${type?.letter}`, { dst: dst.number, src: base, off });
  }
  cursor.expect(',');
  if (what === 'cmpxchg') {
    if (dst.number !== 0 || register(cursor).number !== 0) cursor.fail('a compare-exchange works on r0');
    cursor.expect(',');
  }
  const src = register(cursor);
  cursor.expect(')');
  if (what !== 'cmpxchg' && src.number !== dst.number) cursor.fail('the old value comes back in the same register');
  const width = atomicWidth(cursor, bytes);
  const form = what === 'xchg' || what === 'cmpxchg' ? `${what}${width}` : `atomic_${what}${width}`;
  return one(form, { dst: base, off, src: src.number });
}

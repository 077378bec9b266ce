/**
 * uBPF's assembler syntax, in which the public conformance vectors are written: mnemonic first, destination first:
 * `mov32 %r0, 1`, `ldxw %r3, [%r1+2]`, `lock fetch add [%r10-8], %r1`, `jne %r0, 15, failed`, `call local func1`.
 * Registers may be written without their `%`, as older vectors have them.
 *
 * The mnemonics are names of rows of the instruction table; without a width, arithmetic is 64 bits wide. A label
 * `exit` that is not defined means the nearest `exit` instruction ahead, else the last one.
 */
import { InputError } from '../base/index.js';
import { type AssemblerNames, unpackInsn } from './assemble.js';
import { Cursor } from './cursor.js';
import type { Insn } from './insn.js';
import { formNamed, instructions } from './instructions.js';
import * as op from './opcode.js';
import { buildInsn, buildLddw } from './parse-insn.js';
import { splitSource } from './source-line.js';

const names: ReadonlySet<string> = new Set(instructions.map((row) => row.name));

/** A jump whose label may still come. */
interface PendingJump {
  readonly slot: number;
  readonly label: string;
  readonly call: boolean;
  readonly cursor: Cursor;
}

/** Assembles a program. Throws InputError with the line and the offending text. */
export function assembleUbpf(text: string, resolver: AssemblerNames = {}, file?: string): Insn[] {
  const insns: Insn[] = [];
  const labels = new Map<string, number>();
  const jumps: PendingJump[] = [];
  for (const line of splitSource(text)) {
    for (const label of line.labels) labels.set(label, insns.length);
    if (line.text === '') continue;
    const cursor = new Cursor(line.text, { file, line: line.line });
    const { slots, target, call } = statement(cursor, resolver);
    cursor.finish();
    if (target !== undefined) jumps.push({ slot: insns.length, label: target, call, cursor });
    insns.push(...slots);
  }
  for (const { slot, label, call, cursor } of jumps) {
    const at = labels.get(label) ?? (label === 'exit' ? exitAfter(insns, slot) : undefined);
    if (at === undefined) return cursor.fail(`there is no label \`${label}\``, 'define it with `LABEL:`');
    const insn = insns[slot];
    if (insn === undefined) continue;
    const long = call || insn.code === op.JA32_OP;
    insns[slot] = long ? { ...insn, imm: at - slot - 1 } : { ...insn, off: at - slot - 1 };
  }
  return insns;
}

/** Where `exit` as a label leads: the next exit instruction, else the last one. */
function exitAfter(insns: readonly Insn[], slot: number): number | undefined {
  const isExit = (insn: Insn): boolean => insn.code === op.EXIT_OP;
  const ahead = insns.findIndex((insn, at) => at > slot && isExit(insn));
  const any = ahead >= 0 ? ahead : insns.findLastIndex(isExit);
  return any < 0 ? undefined : any;
}

/** Slots of one statement, and the label that it names. */
interface Statement {
  readonly slots: readonly Insn[];
  readonly target?: string | undefined;
  readonly call: boolean;
}

function plain(name: string, operands: Partial<Omit<Insn, 'code'>>): Statement {
  return { slots: [buildInsn(formNamed(name), operands)], call: false };
}

/** Decides by the mnemonic. */
function statement(cursor: Cursor, resolver: AssemblerNames): Statement {
  const word = cursor.symbol('an instruction');
  if (word === 'exit') return plain('exit', {});
  if (word === 'call') return call(cursor, resolver);
  if (word === 'ja' || word === 'ja32') return jumpTo(cursor, word === 'ja' ? 'ja' : 'gotol', {});
  if (word === 'lock') return atomic(cursor);
  if (word === 'lddw') {
    const dst = register(cursor);
    cursor.expect(',');
    return { slots: wideOperand(cursor, dst, resolver), call: false };
  }
  const swap = /^(?:swap|bswap|le|be)(16|32|64)$/.exec(word);
  if (swap !== null) return plain(word.startsWith('swap') ? `b${word}` : word, { dst: register(cursor) });
  const extend = /^movsx(8|16|32)(32|64)$/.exec(word);
  if (extend !== null) return operands(cursor, `movsx${extend[1]}to${extend[2]}`);
  if (/^(?:ldx|ldxs|stx|st)(?:b|h|w|dw)$/.test(word) && names.has(word)) return access(cursor, word);
  if (names.has(`${word} imm`) && word.startsWith('j')) return conditional(cursor, word);
  const wide = /(?:32|64)$/.test(word) ? word : `${word}64`;
  if (names.has(wide)) return plain(wide, { dst: register(cursor) });
  if (names.has(`${wide} imm`)) return operands(cursor, wide);
  return cursor.fail(`\`${word}\` is no instruction`);
}

/** A call through a register, `call %r2`: Linux has no such instruction, vectors that test for it do. */
export const callRegister: number = op.JMP | op.CALL | op.X;

const registerPattern = /^%?[rw](\d+)$/;

/** `%r0`, up to the 15 that an instruction has room for: programs that use one past r10 are there to be refused. */
function register(cursor: Cursor): number {
  const found = registerPattern.exec(cursor.peek());
  if (found === null || Number(found[1]) > 15) {
    return cursor.fail(`expected a register${cursor.before()}`, 'registers are %r0 to %r10');
  }
  cursor.next();
  return Number(found[1]);
}

function isRegister(cursor: Cursor): boolean {
  return registerPattern.test(cursor.peek());
}

/** A 64-bit number, or `map_by_fd(NAME)`. */
function wideOperand(cursor: Cursor, dst: number, resolver: AssemblerNames): readonly Insn[] {
  if (!cursor.accept('map_by_fd')) return buildLddw('number', dst, cursor.number());
  cursor.expect('(');
  const name = cursor.symbol('the name of a map');
  cursor.expect(')');
  const map = resolver.map?.(name);
  if (map === undefined) return cursor.fail(`there is no map \`${name}\``, 'a `-- map` section declares it');
  return buildLddw('map', dst, BigInt(map));
}

/** Any 32 bits, signed or not, or a negative number written as 64 bits. */
function immediate(cursor: Cursor): number {
  const value = cursor.number('a constant');
  const signed = value >= 1n << 63n && value < 1n << 64n ? BigInt.asIntN(64, value) : value;
  if (signed < -0x80000000n || signed > 0xffffffffn) return cursor.fail(`constant ${value} has more than 32 bits`);
  return Number(BigInt.asIntN(32, signed));
}

/** Arithmetic: the second operand tells which form it is. */
function operands(cursor: Cursor, mnemonic: string): Statement {
  const dst = register(cursor);
  cursor.expect(',');
  if (names.has(mnemonic)) return plain(mnemonic, { dst, src: register(cursor) });
  if (isRegister(cursor)) return plain(`${mnemonic} reg`, { dst, src: register(cursor) });
  return plain(`${mnemonic} imm`, { dst, imm: immediate(cursor) });
}

/** `[%r1+2]`. */
function address(cursor: Cursor): { base: number; off: number } {
  cursor.expect('[');
  const base = register(cursor);
  const off = cursor.peek() === ']' ? 0 : cursor.bounded('offset', -0x8000n, 0x7fffn);
  cursor.expect(']');
  return { base, off };
}

/** Loads name the register first, stores the address. */
function access(cursor: Cursor, name: string): Statement {
  if (name.startsWith('ldx')) {
    const dst = register(cursor);
    cursor.expect(',');
    const { base, off } = address(cursor);
    return plain(name, { dst, src: base, off });
  }
  const { base, off } = address(cursor);
  cursor.expect(',');
  if (name.startsWith('stx')) return plain(name, { dst: base, off, src: register(cursor) });
  return plain(name, { dst: base, off, imm: immediate(cursor) });
}

/** `jeq %r1, 5, label`. */
function conditional(cursor: Cursor, mnemonic: string): Statement {
  const dst = register(cursor);
  cursor.expect(',');
  if (isRegister(cursor)) {
    const src = register(cursor);
    cursor.expect(',');
    return jumpTo(cursor, `${mnemonic} reg`, { dst, src });
  }
  const imm = immediate(cursor);
  cursor.expect(',');
  return jumpTo(cursor, `${mnemonic} imm`, { dst, imm });
}

/** A label, or a distance in slots. */
function jumpTo(cursor: Cursor, name: string, given: Partial<Omit<Insn, 'code'>>): Statement {
  if (cursor.kind() === 'word') return { ...plain(name, given), target: cursor.next() };
  const long = name === 'gotol';
  const limit = long ? 0x80000000n : 0x8000n;
  const distance = cursor.bounded('jump distance', -limit, limit - 1n);
  return plain(name, long ? { ...given, imm: distance } : { ...given, off: distance });
}

/** `call local NAME`, a kfunc (`call runtime N`), a register, or a helper by number or name. */
function call(cursor: Cursor, resolver: AssemblerNames): Statement {
  if (cursor.accept('local')) {
    if (cursor.kind() === 'word') return { ...plain('call local', {}), target: cursor.next(), call: true };
    return plain('call local', { imm: cursor.bounded('call distance', -0x80000000n, 0x7fffffffn) });
  }
  if (cursor.accept('runtime')) return plain('call kfunc', { imm: immediate(cursor) });
  if (isRegister(cursor))
    return { slots: [{ code: callRegister, dst: register(cursor), src: 0, off: 0, imm: 0 }], call: false };
  cursor.accept('helper');
  if (cursor.kind() !== 'word') return plain('call helper', { imm: immediate(cursor) });
  const name = cursor.next();
  const helper = resolver.helper?.(name);
  if (helper === undefined) return cursor.fail(`\`${name}\` is no helper`, 'a function is called by `call local NAME`');
  return plain('call helper', { imm: helper });
}

/** `lock [fetch] add|or|and|xor|xchg|cmpxchg[32] [%r10-8], %r1`. */
function atomic(cursor: Cursor): Statement {
  const first = cursor.symbol('an operation').replaceAll('_', ' ');
  const words = first === 'fetch' ? `fetch ${cursor.symbol('an operation')}` : first;
  const found = /^(fetch )?(add|or|and|xor|xchg|cmpxchg)(32|64)?$/.exec(words);
  if (found === null) return cursor.fail(`\`${words}\` is no atomic operation`);
  const [, fetch = '', name = '', width = '64'] = found;
  const { base, off } = address(cursor);
  cursor.expect(',');
  const src = register(cursor);
  const form = name.endsWith('xchg')
    ? `${name}${width}`
    : `atomic_${fetch.trim()}${fetch === '' ? '' : '_'}${name}${width}`;
  return plain(form, { dst: base, off, src });
}

/** The `raw` section of a vector: one 64-bit number an instruction, between blanks or commas. Throws InputError. */
export function assembleRaw(text: string, file?: string): Insn[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  return words.map((word) => {
    const value = /^(0x[0-9a-f]+|0b[01]+|0o[0-7]+|\d+)$/i.test(word) ? BigInt(word) : -1n;
    if (value >= 0n && value < 1n << 64n) return unpackInsn(value);
    throw new InputError(`\`${word}\` is no 64-bit number`, file === undefined ? {} : { file });
  });
}

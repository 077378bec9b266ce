/**
 * A run of instructions in LLVM's or the kernel's syntax (or both) to slots: labels and jumps are resolved here, names
 * of functions, maps and helpers by the caller's {@link AssemblerNames}, and what nobody knows is an error or, for the
 * object assembler, a list of references.
 */
import { InputError } from '../base/index.js';
import { Cursor, type TextPlace } from './cursor.js';
import type { Insn } from './insn.js';
import * as op from './opcode.js';
import { type ParsedInsn, parseInsn, type Reference } from './parse-insn.js';
import { type SourceLine, splitSource } from './source-line.js';

/** What symbols in assembler text stand for. */
export interface AssemblerNames {
  /** Number of a helper, with or without `bpf_`. */
  readonly helper?: ((name: string) => number | undefined) | undefined;
  /** What the `imm` of a map load is for that name. */
  readonly map?: ((name: string) => number | undefined) | undefined;
}

/** A name that stands at a slot and is not a label of this code. */
export interface SymbolReference {
  readonly slot: number;
  readonly reference: Exclude<Reference, { kind: 'jump' }>;
  readonly line: SourceLine;
}

/** What a run of lines came to. */
export interface AssembledCode {
  readonly insns: Insn[];
  /** Slot of each label; a label at the end is one past the last slot. */
  readonly labels: ReadonlyMap<string, number>;
  readonly references: readonly SymbolReference[];
  /** The line that each slot comes from. */
  readonly lines: readonly SourceLine[];
}

/**
 * Assembles a text without directives to a program. Throws InputError with the line (`FILE:LINE`), the offending text
 * and the mend.
 */
export function assembleInsns(text: string, names: AssemblerNames = {}, file?: string): Insn[] {
  const code = assembleLines(splitSource(text), file);
  for (const entry of code.references) resolve(code, entry, names, file);
  return code.insns;
}

/** Puts a symbol's number into its instruction: a label of the text, or what the caller knows by that name. */
function resolve(code: AssembledCode, entry: SymbolReference, names: AssemblerNames, file: string | undefined): void {
  const { reference, slot, line } = entry;
  const { symbol } = reference;
  const first = code.insns[slot];
  if (first === undefined) return;
  const target = code.labels.get(symbol);
  if (reference.kind === 'call') {
    const helper = names.helper?.(symbol);
    if (target !== undefined) code.insns[slot] = { ...first, src: op.CALL_LOCAL, imm: target - slot - 1 };
    else if (helper !== undefined) code.insns[slot] = { ...first, imm: helper };
    else fail(`\`${symbol}\` is neither a label nor a helper`, line, file);
    return;
  }
  const map = names.map?.(symbol);
  if (reference.as !== 'function' && map !== undefined) {
    const value = reference.addend !== undefined;
    code.insns[slot] = { ...first, src: value ? op.PSEUDO_MAP_VALUE : op.PSEUDO_MAP_FD, imm: map };
    code.insns[slot + 1] = { code: 0, dst: 0, src: 0, off: 0, imm: (reference.addend ?? 0) | 0 };
  } else if (reference.as !== 'map' && target !== undefined) {
    code.insns[slot] = { ...first, src: op.PSEUDO_FUNC, imm: target - slot - 1 };
  } else fail(`\`${symbol}\` is neither a map nor a function`, line, file);
}

function fail(what: string, line: SourceLine, file: string | undefined, hint?: string): never {
  throw new InputError(`${what} in \`${line.text}\``, { source: `${file ?? 'line'}:${line.line}` }, hint);
}

/** Assembles statements and data directives that may stand in code; other directives are not for this function. */
export function assembleLines(lines: readonly SourceLine[], file?: string): AssembledCode {
  const insns: Insn[] = [];
  const labels = new Map<string, number>();
  const numbers: { number: number; slot: number }[] = [];
  const origin: SourceLine[] = [];
  const jumps: { slot: number; label: string; fallback: number | undefined; line: SourceLine }[] = [];
  const references: SymbolReference[] = [];
  for (const line of lines) {
    for (const label of line.labels) {
      if (labels.has(label)) fail(`label \`${label}\` is defined twice`, { ...line, text: `${label}:` }, file);
      labels.set(label, insns.length);
    }
    for (const number of line.numbers) numbers.push({ number, slot: insns.length });
    if (line.text === '') continue;
    const place: TextPlace = { file, line: line.line };
    const parsed = line.text.startsWith('.') ? rawSlots(line, place) : parseInsn(line.text, place, line.opcode);
    const slot = insns.length;
    for (const insn of parsed.insns) {
      insns.push(insn);
      origin.push(line);
    }
    const { reference } = parsed;
    if (reference?.kind === 'jump') jumps.push({ slot, label: reference.label, fallback: reference.fallback, line });
    else if (reference !== undefined) references.push({ slot, reference, line });
  }
  for (const { slot, label, fallback, line } of jumps) {
    const target = labels.get(label) ?? localTarget(label, slot, numbers);
    const distance = target === undefined ? fallback : target - slot - 1;
    if (distance === undefined) fail(`there is no label \`${label}\``, line, file, 'define it with `LABEL:`');
    const insn = insns[slot];
    if (insn !== undefined) insns[slot] = withDistance(insn, distance, line, file);
  }
  return { insns, labels, references, lines: origin };
}

/** `1b`: the nearest `1:` before; `1f`: after. */
function localTarget(
  label: string,
  slot: number,
  numbers: readonly { number: number; slot: number }[],
): number | undefined {
  const found = /^(\d+)([bf])$/.exec(label);
  if (found === null) return undefined;
  const same = numbers.filter((entry) => entry.number === Number(found[1]));
  return found[2] === 'f'
    ? same.find((entry) => entry.slot > slot)?.slot
    : same.findLast((entry) => entry.slot <= slot)?.slot;
}

/** The jump with its distance, which has 16 bits, or 32 in `gotol`. */
function withDistance(insn: Insn, distance: number, line: SourceLine, file: string | undefined): Insn {
  if (insn.code === op.JA32_OP) return { ...insn, imm: distance };
  if (distance < -0x8000 || distance > 0x7fff) {
    fail(`the label is ${distance} instructions away`, line, file, 'a jump reaches 32,767; `gotol` reaches further');
  }
  return { ...insn, off: distance };
}

/** `.quad 0x...`: slots as they are, for what has no text. */
function rawSlots(line: SourceLine, place: TextPlace): ParsedInsn {
  const cursor = new Cursor(line.text, place);
  if (!cursor.accept('.quad')) {
    cursor.fail(`\`${cursor.peek()}\` does not belong into code`, 'code holds instructions, labels and `.quad`');
  }
  const insns: Insn[] = [];
  do {
    const word = BigInt.asUintN(64, cursor.number());
    insns.push(unpackInsn(word));
  } while (cursor.accept(','));
  cursor.finish();
  return { insns };
}

/** The slot whose eight bytes, little-endian, are that number. */
export function unpackInsn(word: bigint): Insn {
  const low = Number(word & 0xffffffffn);
  return {
    code: low & 0xff,
    dst: (low >> 8) & 0xf,
    src: (low >> 12) & 0xf,
    off: low >> 16,
    imm: Number(BigInt.asIntN(32, word >> 32n)),
  };
}

/** The eight bytes of a slot as one number, little-endian. */
export function packInsn(insn: Insn): bigint {
  const low = (insn.code | (insn.dst << 8) | (insn.src << 12) | ((insn.off & 0xffff) << 16)) >>> 0;
  return (BigInt(insn.imm >>> 0) << 32n) | BigInt(low);
}

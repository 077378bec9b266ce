/**
 * An object image as assembler text: LLVM's instructions, GNU-like directives (docs/assembly.md). What it prints,
 * `parseImage` reads back to the same image; listing numbers, source lines and helper names are comments or are
 * ignored when read.
 */

import { encodeBase64 } from '../base/index.js';
import { escapeText, formatInsn, type Insn, jumpTarget, op, packInsn, parseInsn, symbolText } from '../isa/index.js';
import { helperName, mapTypeNames } from '../platform/index.js';
import { printable, printableLine } from '../text/index.js';
import { coreKinds } from './core-spec.js';
import {
  type CodeImage,
  type CoreImage,
  type DataImage,
  type FunctionImage,
  type ImageOptions,
  type MapImage,
  type ObjectImage,
  objectImage,
  type ReferenceImage,
} from './image.js';
import type { ObjectSpec } from './spec.js';

/** How assembler text is printed. */
export interface PrintOptions extends ImageOptions {
  /** Slot numbers as the verifier counts them, before each instruction. */
  readonly numbers?: boolean;
  /** Source lines as comments, where the object has them. */
  readonly source?: boolean;
  /** Bytes of each instruction, behind its number. */
  readonly bytes?: boolean;
  /** A comment behind the instruction `offset` slots into a function. */
  readonly remark?: ((fn: string, offset: number) => string | undefined) | undefined;
  /** Only these functions, and no maps, data or BTF. */
  readonly only?: ReadonlySet<string> | undefined;
}

/** The text of an object: `assemble` makes an equal object of it. */
export function disassemble(object: ObjectSpec, options: PrintOptions = {}): string {
  // Relocations need the types, which a text of some functions does not have.
  const { core = options.only === undefined ? 'kept' : 'applied' } = options;
  return printImage(objectImage(object, { core }), options);
}

/** Assembler text of an object; {@link parseImage} reads it again to the same object. */
export function printImage(image: ObjectImage, options: PrintOptions = {}): string {
  const blocks: string[] = [];
  const { only } = options;
  if (only === undefined) {
    const head = [`\t.license "${escapeText(image.license)}"`];
    if (image.version !== 0) head.push(`\t.version ${image.version}`);
    for (const extern of image.externs) {
      const declared = extern.declared === false ? ', undeclared' : '';
      head.push(`\t${extern.weak ? '.weak' : '.extern'} ${symbolText(extern.name)}${declared}`);
    }
    blocks.push(head.join('\n'), ...image.maps.map(printMap), ...image.data.map(printData));
  }
  for (const code of image.code) {
    const functions = code.functions.filter((fn) => only?.has(fn.name) ?? true);
    if (functions.length === 0) continue;
    const printed = functions.map((fn) => printFunction(code, fn, options));
    blocks.push([`\t.section ${sectionText(code.name)}`, ...printed].join('\n'));
  }
  if (only === undefined && image.btf !== undefined) blocks.push(printBtf(image.btf));
  return `${blocks.join('\n\n')}\n`;
}

/** Quoted where GNU as would want it. */
function sectionText(name: string): string {
  return /^[\w.$/?+-]+$/.test(name) ? name : `"${escapeText(name)}"`;
}

/** `type=hash key=4 value=8 max_entries=16 flags=0`, then what is not 0. */
function mapFields(map: MapImage): string {
  const fields: [string, string][] = [
    ['type', mapTypeNames[map.typeNumber] ?? String(map.typeNumber)],
    ['key', String(map.keySize)],
    ['value', String(map.valueSize)],
    ['max_entries', String(map.maxEntries)],
    ['flags', `0x${map.flags.toString(16)}`],
  ];
  if (map.extra !== 0n) fields.push(['extra', String(map.extra)]);
  if (map.numaNode !== undefined) fields.push(['numa_node', String(map.numaNode)]);
  if (map.pinning) fields.push(['pinning', 'by_name']);
  if (map.btfKeyId !== 0) fields.push(['btf_key', String(map.btfKeyId)]);
  if (map.btfValueId !== 0) fields.push(['btf_value', String(map.btfValueId)]);
  return fields.map(([name, value]) => `${name}=${value}`).join(' ');
}

function printMap(map: MapImage): string {
  const lines = [`\t.map ${symbolText(map.name)} ${mapFields(map)}`];
  if (map.inner !== undefined) lines.push(`\t.inner ${mapFields(map.inner)}`);
  if (map.values !== undefined) {
    lines.push(`\t.values ${map.values.kind}`);
    for (const [slot, name] of map.values.slots) lines.push(`\t.slot ${slot}, ${symbolText(name)}`);
  }
  return lines.join('\n');
}

/** Zeros as `.zero`, printable runs as `.ascii`, the rest as bytes. */
function printData(data: DataImage): string {
  const lines = [`\t.section ${sectionText(data.name)}${data.mmapable ? ', mmapable' : ''}`];
  const { bytes } = data;
  for (let at = 0; at < bytes.length; ) {
    const zeros = runLength(bytes, at, (byte) => byte === 0);
    const text = runLength(bytes, at, (byte) => byte >= 0x20 && byte < 0x7f);
    if (zeros >= 8 || at + zeros === bytes.length) {
      lines.push(`\t.zero ${zeros}`);
      at += zeros;
    } else if (text >= 4) {
      const piece = bytes.subarray(at, at + Math.min(text, 80));
      lines.push(`\t.ascii "${escapeText(String.fromCharCode(...piece))}"`);
      at += piece.length;
    } else {
      let end = at;
      while (end < bytes.length && end - at < 16) {
        if (runLength(bytes, end, (byte) => byte === 0) >= 8) break;
        end++;
      }
      end = Math.max(end, at + 1);
      lines.push(`\t.byte ${Array.from(bytes.subarray(at, end), (byte) => `0x${byte.toString(16)}`).join(', ')}`);
      at = end;
    }
  }
  return lines.join('\n');
}

/** How many bytes from `at` on are alike. */
function runLength(bytes: Uint8Array, at: number, fits: (byte: number) => boolean): number {
  let end = at;
  while (end < bytes.length && fits(bytes[end] ?? 0)) end++;
  return end - at;
}

/** A function: its symbol, labels at jump targets, instructions. */
function printFunction(code: CodeImage, fn: FunctionImage, options: PrintOptions): string {
  const index = code.functions.indexOf(fn);
  const name = symbolText(fn.name);
  const lines = [fn.global ? `\t.globl ${name}` : `\t.type ${name}, @function`, `${name}:`];
  const targets = jumpTargets(code, fn);
  const label = (slot: number): string | undefined => {
    return targets.has(slot) ? `LBB${index}_${fn.base + slot - fn.start}` : undefined;
  };
  const references = new Map(code.references.map((entry) => [entry.slot, entry]));
  const sources = new Map(options.source ? fn.lines.map((line) => [line.insn, line]) : []);
  let lastSource = '';
  for (let slot = fn.start; slot < fn.end; slot++) {
    const insn = code.insns[slot];
    if (insn === undefined) break;
    const target = label(slot);
    if (target !== undefined) lines.push(`${target}:`);
    const line = sources.get(slot);
    if (line !== undefined) {
      const source = `; ${printableLine(`${line.text.trim()} @ ${line.file.replace(/^.*\//, '')}:${line.line}`)}`;
      if (source !== lastSource) lines.push(source);
      lastSource = source;
    }
    const note = fn.notes.get(slot);
    if (note !== undefined) lines.push(`; unresolved: ${printable(note.replace(/\s+/g, ' '))}`);
    for (const relocation of code.core) if (relocation.slot === slot) lines.push(`\t${coreText(relocation)}`);
    const wide = insn.code === op.LDDW && slot + 1 < fn.end;
    const shown = wide ? [insn, code.insns[slot + 1] ?? insn] : [insn];
    const remark = options.remark?.(fn.name, slot - fn.start);
    const text = statement(code, slot, references.get(slot), label);
    const remarked = remark === undefined ? text : `${text.padEnd(remarkColumn)} # ${remark}`;
    lines.push(prefix(options, fn.base + slot - fn.start, shown) + remarked);
    if (wide) slot++;
  }
  return lines.join('\n');
}

/** Remarks stand below each other behind most instructions. */
const remarkColumn = 40;

/** What `llvm-objdump -d` prints in front of an instruction: its number and its bytes. */
function prefix(options: PrintOptions, number: number, insns: readonly Insn[]): string {
  if (!options.numbers && !options.bytes) return '\t';
  const bytes = insns.map((insn) => {
    const word = packInsn(insn).toString(16).padStart(16, '0');
    return (word.match(/../g) ?? []).reverse().join(' ');
  });
  return `${String(number).padStart(8)}:\t${options.bytes ? `${bytes.join(' ').padEnd(48)}\t` : ''}`;
}

/** `.core byte_off 12 "0:1"`: kind, type, path; for the next instruction. */
function coreText({ kind, typeId, access }: CoreImage): string {
  return `.core ${coreKinds[kind] ?? kind} ${typeId} "${escapeText(access)}"`;
}

/** Slots that get labels; one in the middle of a 64-bit load cannot have any. */
function jumpTargets(code: CodeImage, fn: FunctionImage): Set<number> {
  const targets = new Set<number>();
  const seconds = new Set<number>();
  for (let slot = fn.start; slot < fn.end; slot++) {
    const insn = code.insns[slot];
    if (insn === undefined) break;
    if (insn.code === op.LDDW) seconds.add(++slot);
    else if (isJumpInsn(insn)) targets.add(jumpTarget(insn, slot));
  }
  for (const target of targets)
    if (target < fn.start || target >= fn.end || seconds.has(target)) targets.delete(target);
  return targets;
}

function isJumpInsn(insn: Insn): boolean {
  const kind = insn.code & 0x07;
  const operation = insn.code & 0xf0;
  return (kind === op.JMP || kind === op.JMP32) && operation !== op.CALL && operation !== op.EXIT;
}

/** One instruction; what its text would not bring back is printed as numbers. */
function statement(
  code: CodeImage,
  slot: number,
  reference: ReferenceImage | undefined,
  label: (slot: number) => string | undefined,
): string {
  const insn = code.insns[slot];
  if (insn === undefined) return '';
  const second = code.insns[slot + 1];
  if (reference !== undefined) {
    const symbol = symbolText(reference.symbol);
    if (reference.kind === 'call') return `call ${symbol}`;
    return `r${insn.dst} = ${symbol}${reference.addend === undefined ? '' : ` + 0x${reference.addend.toString(16)}`} ll`;
  }
  const slots = insn.code === op.LDDW && second !== undefined ? [insn, second] : [insn];
  const text = formatInsn(code.insns, slot, 'llvm', { label });
  if (!readsBack(text, slots)) {
    return `.quad ${slots.map((word) => `0x${packInsn(word).toString(16)}`).join(', ')}\t# ${text}`;
  }
  const helper = insn.code === op.CALL_OP ? helperName(insn.imm) : undefined;
  return helper === undefined ? text : `${text}\t# ${helper}`;
}

/** Does the text mean these very slots? Where not (unused fields that are set, say), bytes are printed instead. */
function readsBack(text: string, slots: readonly Insn[]): boolean {
  try {
    const { insns } = parseInsn(text, { file: undefined, line: 0 });
    return insns.length === slots.length && insns.every((insn, i) => packInsn(insn) === packInsn(slots[i] ?? insn));
  } catch {
    return false;
  }
}

/** Type information as it is: it has no readable form that could be read back whole. */
function printBtf(bytes: Uint8Array): string {
  const pieces = encodeBase64(bytes).match(/.{1,96}/g) ?? [];
  return ['# type information (BTF) in base64', ...pieces.map((piece) => `\t.btf "${piece}"`)].join('\n');
}

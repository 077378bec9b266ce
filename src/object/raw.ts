/**
 * Instructions without a file around them: eight bytes a slot, little-endian, as `bpftool prog dump xlated file` and
 * other assemblers write them. What they cannot say stands in a map list, assembler text of `.map` and data sections:
 * a 64-bit load of kind 1 or 5 means the map of that number in it (from 0; data sections count behind the maps), one
 * of kind 2 or 6 a place in that map's value.
 */
import { InputError, UnsupportedError } from '../base/index.js';
import { decodeInsns, encodeInsns, type Insn, insnSize, op } from '../isa/index.js';
import { type CodeImage, type FunctionImage, type ObjectImage, objectImage } from './image.js';
import { parseImage } from './parse-image.js';
import { printImage } from './print-image.js';
import type { ObjectSpec, ProgramSpec } from './spec.js';

/**
 * The image of raw instructions: one program `main`, of the type that its section's name says. Throws InputError for
 * bytes that are no whole slots, or a list that is none.
 */
export function rawImage(bytes: Uint8Array, mapList = '', listName?: string, section = 'xdp'): ObjectImage {
  if (bytes.length === 0 || bytes.length % insnSize !== 0) {
    throw new InputError(`${bytes.length} bytes are no whole number of instructions of ${insnSize} bytes`);
  }
  const list = parseImage(mapList, listName);
  if (list.code.length > 0) {
    throw new InputError('a map list holds `.map` and data sections, and no code', { file: listName });
  }
  const insns = decodeInsns(bytes).map(byIndex);
  const code: CodeImage = { name: section, insns, functions: rawFunctions(insns), references: [], core: [] };
  return { ...list, license: list.license === '' ? 'GPL' : list.license, code: [code] };
}

/** Kinds 1 and 2 name a file descriptor in other files; here, as 5 and 6 do, a place in a list. */
function byIndex(insn: Insn): Insn {
  if (insn.code !== op.LDDW) return insn;
  if (insn.src === op.PSEUDO_MAP_FD) return { ...insn, src: op.PSEUDO_MAP_IDX };
  return insn.src === op.PSEUDO_MAP_VALUE ? { ...insn, src: op.PSEUDO_MAP_IDX_VALUE } : insn;
}

/**
 * Functions of instructions that no symbols go with: `main` and, as `f12`, what is called or has its address taken.
 */
export function rawFunctions(insns: readonly Insn[]): FunctionImage[] {
  const starts = new Set([0]);
  for (const [slot, { code, src, imm }] of insns.entries()) {
    const isReference = code === op.CALL_OP ? src === op.CALL_LOCAL : code === op.LDDW && src === op.PSEUDO_FUNC;
    const target = slot + 1 + imm;
    if (isReference && target > 0 && target < insns.length) starts.add(target);
  }
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((start, i) => ({
    name: start === 0 ? 'main' : `f${start}`,
    start,
    end: sorted[i + 1] ?? insns.length,
    global: start === 0,
    btfId: 0,
    base: start,
    lines: [],
    notes: new Map(),
  }));
}

/**
 * A program's instructions, with numbers of maps by {@link rawMapList}. Throws UnsupportedError for what needs more
 * than these.
 */
export function rawInsns(program: ProgramSpec): Uint8Array {
  const [needed] = [...program.kfuncs, ...program.ksyms];
  const [problem] = program.unresolved;
  if (needed !== undefined || problem !== undefined) {
    throw new UnsupportedError(
      `program \`${program.name}\`: ${problem?.what ?? `raw instructions cannot name \`${needed?.name}\` of the kernel`}`,
    );
  }
  return encodeInsns(program.insns);
}

/** The map list that belongs to {@link rawInsns}. */
export function rawMapList(object: ObjectSpec): string {
  const image = objectImage(object);
  // Numbers of types mean nothing without the types.
  const maps = image.maps.map((map) => ({ ...map, btfKeyId: 0, btfValueId: 0 }));
  return printImage({ ...image, maps, code: [], externs: [], btf: undefined });
}

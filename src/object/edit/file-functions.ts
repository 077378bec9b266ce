/** The functions of an object file as it has them: code before anything is resolved or linked. */
import { type Insn, isLddw, op } from '../../isa/index.js';
import { Btf } from '../btf.js';
import { readBtfExt } from '../btf-ext.js';
import { type CodeSection, readCode, referredSlot } from '../code.js';
import { type Elf, readElf, STB_LOCAL, STT_FUNC } from '../elf.js';

/** One function as it stands in its section. */
export interface FileFunction {
  readonly name: string;
  /** In the file's section table. */
  readonly section: number;
  readonly sectionName: string;
  /** First slot in the section and one past the last. */
  readonly start: number;
  readonly end: number;
  readonly insns: readonly Insn[];
  /** Slots of the section whose instruction a relocation mends, and the name of what it refers to. */
  readonly references: ReadonlyMap<number, string>;
  /**
   * Slots of the section whose instruction a CO-RE record mends, and what it asks for: only the loader knows what will
   * stand there, and it is the same where the text here is.
   */
  readonly core: ReadonlyMap<number, string>;
  /** Slots within it that something besides its own jumps names: local labels. */
  readonly labels: readonly number[];
  /** Nobody outside of the file knows its name. */
  readonly isStatic: boolean;
  /** Functions that instructions call or whose address they load, by slot of the section. */
  readonly callees: ReadonlyMap<number, FunctionPlace>;
}

/** Where a function begins: a section of the file's table, and a slot of it. */
export interface FunctionPlace {
  readonly section: number;
  readonly slot: number;
}

/** In the order of the file. Throws InputError and UnsupportedError as reading the object does. */
export function fileFunctions(bytes: Uint8Array): FileFunction[] {
  const elf = readElf(bytes);
  const types = elf.sections.find((section) => section.name === '.BTF' && section.size > 0);
  const ext = elf.sections.find((section) => section.name === '.BTF.ext' && section.size > 0);
  const records =
    types === undefined || ext === undefined
      ? undefined
      : readBtfExt(ext.data, new Btf(types.data, '.BTF', types.offset), ext.offset);
  const found: FileFunction[] = [];
  for (const code of readCode(elf).values()) {
    const relocations = records?.coreRelos.get(code.name) ?? [];
    const core = relocations.map(({ slot, typeId, access, kind }) => [slot, `${typeId} ${access} ${kind}`] as const);
    const labels = (elf.symbolsIn.get(code.index) ?? []).map((symbol) => symbol.value / 8);
    const statics = staticSlots(elf, code.index);
    const callees = calleesOf(code);
    for (const { name, start, end } of code.functions.values()) {
      const inside = (slot: number): boolean => slot >= start && slot < end;
      found.push({
        name,
        section: code.index,
        sectionName: code.name,
        start,
        end,
        insns: code.insns.slice(start, end),
        references: new Map(
          code.relocations
            .map(({ offset, symbol }) => [Math.floor(offset / 8), symbol.name] as const)
            .filter(([slot]) => inside(slot)),
        ),
        core: new Map(core.filter(([slot]) => inside(slot))),
        labels: labels.filter((slot) => slot > start && inside(slot)),
        isStatic: statics.has(start),
        callees: new Map([...callees].filter(([slot]) => inside(slot))),
      });
    }
  }
  return found;
}

/** Slots of a section at which local functions begin, and none that others could link to. */
function staticSlots(elf: Elf, section: number): ReadonlySet<number> {
  const functions = (elf.symbolsIn.get(section) ?? []).filter(({ type }) => type === STT_FUNC);
  const slots = new Set(functions.map(({ value }) => value / 8));
  for (const { bind, value } of functions) if (bind !== STB_LOCAL) slots.delete(value / 8);
  return slots;
}

/** By slot: what a relocation says, else the distance in the instruction. */
function calleesOf(code: CodeSection): Map<number, FunctionPlace> {
  const found = new Map<number, FunctionPlace>();
  for (const [slot, insn] of code.insns.entries()) {
    const isCall = insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL;
    const isAddress = isLddw(insn) && insn.src === op.PSEUDO_FUNC;
    if (isCall || isAddress) found.set(slot, { section: code.index, slot: slot + 1 + insn.imm });
  }
  for (const { offset, symbol } of code.relocations) {
    const slot = Math.floor(offset / 8);
    const insn = code.insns[slot];
    if (insn === undefined) continue;
    // Who is to be found by name alone is none of the file's.
    if (symbol.section === undefined) {
      found.delete(slot);
      continue;
    }
    const isAddress = isLddw(insn) && (symbol.type === STT_FUNC || insn.src === op.PSEUDO_FUNC);
    if (found.has(slot) || isAddress) found.set(slot, { section: symbol.section, slot: referredSlot(insn, symbol) });
  }
  return found;
}

/**
 * Code sections cut into functions. Compilers since LLVM 10 say where a function begins and ends (STT_FUNC with a
 * size). Older ones and hand-written assembly give plain labels (STT_NOTYPE, no size): there the global labels begin
 * functions, local ones are branch targets (`LBB0_7`) unless something calls them, and a function ends where the next
 * begins.
 */
import { InputError } from '../base/index.js';
import { decodeInsns, type Insn, insnSize, op } from '../isa/index.js';
import {
  type Elf,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  SHF_EXECINSTR,
  SHT_PROGBITS,
  STB_LOCAL,
  STT_FUNC,
  STT_NOTYPE,
} from './elf.js';

/** A piece of a code section that has a name: what a program begins with, or calls. */
export interface CodeFunction {
  readonly name: string;
  readonly section: CodeSection;
  /** First slot in the section and one past the last. */
  readonly start: number;
  readonly end: number;
  /** Bound globally and visible: with BTF the verifier checks it on its own. */
  readonly global: boolean;
  /** Something to load by itself, not only a subprogram of others. */
  readonly entry: boolean;
}

/** A section of instructions. Slots count from its start, eight bytes each; a 64-bit load takes two. */
export interface CodeSection {
  /** In the file's section table. */
  readonly index: number;
  readonly name: string;
  readonly insns: readonly Insn[];
  /** In order of offset. */
  readonly relocations: readonly ElfRelocation[];
  /** By first slot, in order. */
  readonly functions: Map<number, CodeFunction>;
}

/** Code sections by ELF index. Throws InputError. */
export function readCode(elf: Elf): ReadonlyMap<number, CodeSection> {
  const sections = elf.sections.filter(isCode);
  const onlyText = sections.every((section) => section.name === '.text');
  // Only files whose functions have no types are searched for calls.
  let called: ReadonlyMap<number, readonly number[]> | undefined;
  const calledIn = ({ index }: ElfSection): readonly number[] => {
    called ??= calledSlots(elf, sections);
    return called.get(index) ?? [];
  };
  const result = new Map<number, CodeSection>();
  for (const section of sections) {
    if (section.size % insnSize !== 0) {
      throw new InputError(`${section.size} bytes of code are not a whole number of ${insnSize}-byte instructions`, {
        section: section.name,
        offset: section.offset,
      });
    }
    const code: CodeSection = {
      index: section.index,
      name: section.name,
      insns: decodeInsns(section.data),
      relocations: elf.relocations.get(section.index) ?? [],
      functions: new Map(),
    };
    cut(code, starts(elf, section, code, calledIn), section.name !== '.text' || onlyText);
    result.set(section.index, code);
  }
  return result;
}

/** A section that holds instructions in the file. */
function isCode(section: ElfSection): boolean {
  return section.type === SHT_PROGBITS && (section.flags & SHF_EXECINSTR) !== 0 && section.size > 0;
}

/** Where a function begins, and by which name it is known there. */
interface Start {
  readonly slot: number;
  readonly name: string;
  readonly symbol: ElfSymbol | undefined;
}

/** Functions by symbols with a type; else labels that are global or called. */
function starts(
  elf: Elf,
  section: ElfSection,
  code: CodeSection,
  calledIn: (section: ElfSection) => readonly number[],
): Start[] {
  const here = (elf.symbolsIn.get(section.index) ?? []).filter((symbol) => symbol.name !== '');
  const functions = here.filter((symbol) => symbol.type === STT_FUNC);
  if (functions.length > 0) return functions.map((symbol) => startOf(section, symbol));

  const labels = here.filter((symbol) => symbol.type === STT_NOTYPE && !/^\.?L(?:BB|tmp|func)/.test(symbol.name));
  const byOffset = new Map(labels.map((label) => [label.value, label]));
  const found = new Map<number, Start>();
  const add = (slot: number): void => {
    if (found.has(slot) || !Number.isInteger(slot) || slot < 0 || slot >= code.insns.length) return;
    const symbol = byOffset.get(slot * insnSize);
    const name = symbol?.name ?? (slot === 0 ? section.name : `${section.name}+${slot}`);
    found.set(slot, { slot, name, symbol });
  };
  for (const symbol of labels) {
    if (symbol.bind !== STB_LOCAL) {
      const start = startOf(section, symbol);
      if (!found.has(start.slot)) found.set(start.slot, start);
    }
  }
  add(0);
  for (const slot of calledIn(section)) add(slot);
  return [...found.values()];
}

/** The start that a symbol says. Throws InputError for one that does not lie in its section. */
function startOf(section: ElfSection, symbol: ElfSymbol): Start {
  if (symbol.value % insnSize !== 0 || symbol.value >= section.size || symbol.value + symbol.size > section.size) {
    throw new InputError(
      `function \`${symbol.name}\` (offset ${symbol.value}, ${symbol.size} bytes) does not lie in its section's ${section.size} bytes`,
      { section: section.name },
    );
  }
  return { slot: symbol.value / insnSize, name: symbol.name, symbol };
}

/** Slots that calls and callback loads lead to, by section. */
function calledSlots(elf: Elf, sections: readonly ElfSection[]): ReadonlyMap<number, readonly number[]> {
  const called = new Map<number, number[]>(sections.map((section) => [section.index, []]));
  for (const section of sections) {
    const insns = decodeInsns(section.data.subarray(0, section.size - (section.size % insnSize)));
    const relocated = new Set<number>();
    for (const { offset, symbol } of elf.relocations.get(section.index) ?? []) {
      relocated.add(offset / insnSize);
      const insn = insns[offset / insnSize];
      if (insn !== undefined) called.get(symbol.section ?? -1)?.push(referredSlot(insn, symbol));
    }
    for (const [slot, insn] of insns.entries()) {
      const local = insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL && !relocated.has(slot);
      if (local) called.get(section.index)?.push(slot + 1 + insn.imm);
    }
  }
  return called;
}

/** The slot that a relocated call or callback load refers to: a call counts slots from the next one, a load bytes. */
export function referredSlot(insn: Insn, symbol: ElfSymbol): number {
  return insn.code === op.LDDW ? (symbol.value + insn.imm) / insnSize : symbol.value / insnSize + insn.imm + 1;
}

/** Makes functions of starts: each ends where its symbol says, or where the next one begins. */
function cut(code: CodeSection, found: readonly Start[], entries: boolean): void {
  // Of several names for one place the global one counts: that is what libbpf finds by name.
  const rank = (start: Start): number => (start.symbol === undefined || start.symbol.bind === STB_LOCAL ? 1 : 0);
  const sorted = [...found].sort((a, b) => a.slot - b.slot || rank(a) - rank(b));
  const anyGlobal = sorted.some((start) => rank(start) === 0);
  let after = 0;
  for (const [i, start] of sorted.entries()) {
    if (code.functions.has(start.slot)) continue;
    while (after < sorted.length && (sorted[after]?.slot ?? 0) <= start.slot) after++;
    const size = start.symbol?.type === STT_FUNC ? start.symbol.size : 0;
    const next = sorted[after];
    const end = size > 0 ? start.slot + Math.floor(size / insnSize) : (next?.slot ?? code.insns.length);
    const bound = start.symbol !== undefined && start.symbol.bind !== STB_LOCAL;
    code.functions.set(start.slot, {
      name: start.name,
      section: code,
      start: start.slot,
      end: Math.max(end, start.slot + 1),
      global: bound && start.symbol?.hidden === false,
      entry: entries && (bound || (!anyGlobal && i === 0)),
    });
  }
}

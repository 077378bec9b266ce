/** The functions of an object file as it has them: code before anything is resolved or linked. */
import type { Insn } from '../../isa/index.js';
import { Btf } from '../btf.js';
import { readBtfExt } from '../btf-ext.js';
import { readCode } from '../code.js';
import { readElf } from '../elf.js';

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
      });
    }
  }
  return found;
}

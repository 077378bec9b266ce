/**
 * An object file between its bytes and its meaning: sections, functions and maps by name, references by symbol. The
 * text form (print-image.ts, parse-image.ts) and the ELF writer (write-elf.ts) both speak it, so `.s` and `.o` say the
 * same thing:
 *
 *     ObjectSpec --objectImage--> ObjectImage --printImage--> text --parseImage--> ObjectImage --writeElf--> bytes
 *
 * In an {@link ObjectSpec} every program holds its own copy of the functions that it reaches; here each function is
 * once.
 */
import { type Insn, op, packInsn } from '../isa/index.js';
import type { FunctionSpec, LineSpec, MapSpec, ObjectSpec, ProgramSpec } from './spec.js';

/** An object as it can be written again: code and data by symbol, references by name. */
export interface ObjectImage {
  readonly license: string;
  /** Content of section `version`; 0 where there is none. */
  readonly version: number;
  /** Subprograms (`.text`) first, then a section for each section of programs. */
  readonly code: readonly CodeImage[];
  readonly maps: readonly MapImage[];
  /** Sections of variables: `.rodata`, `.data`, `.bss` and their kin. */
  readonly data: readonly DataImage[];
  /** Symbols that the kernel provides, and those that nobody does. */
  readonly externs: readonly ExternImage[];
  /** Encoded BTF to which the ids in maps and functions refer. */
  readonly btf: Uint8Array | undefined;
}

/** A code section. */
export interface CodeImage {
  readonly name: string;
  /** References are not resolved in it: their fields are 0. */
  readonly insns: readonly Insn[];
  /** In code order, without gaps. */
  readonly functions: readonly FunctionImage[];
  /** In slot order. */
  readonly references: readonly ReferenceImage[];
  /** In slot order. Their instructions are as compiled: whoever reads the object applies them. */
  readonly core: readonly CoreImage[];
}

/** A CO-RE relocation; see {@link CoreRelocationSpec}. */
export interface CoreImage {
  readonly slot: number;
  readonly kind: number;
  readonly typeId: number;
  readonly access: string;
}

/** A function in a code section. */
export interface FunctionImage {
  readonly name: string;
  /** First slot in the section, */
  readonly start: number;
  /** and one past the last. */
  readonly end: number;
  /** Bound globally: in `.text` a function that the verifier checks on its own, elsewhere a program. */
  readonly global: boolean;
  /** BTF type id of its FUNC; 0 where there is none. */
  readonly btfId: number;
  /** Where the verifier counts the function's first slot in the first program that holds it. */
  readonly base: number;
  /** Line records; `insn` counts from the section's start. */
  readonly lines: readonly LineSpec[];
  /** What could not be resolved, by slot of the section. */
  readonly notes: ReadonlyMap<number, string>;
}

/** A symbol in an instruction: `call NAME` or `rN = NAME [+ addend] ll`. */
export interface ReferenceImage {
  readonly slot: number;
  readonly kind: 'call' | 'load';
  readonly symbol: string;
  /** Offset into a data section; undefined where none is meant. */
  readonly addend: number | undefined;
}

/** A map that is defined on its own, not by a data section. */
export interface MapImage {
  readonly name: string;
  readonly typeNumber: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly extra: bigint;
  readonly numaNode: number | undefined;
  readonly pinning: boolean;
  readonly btfKeyId: number;
  readonly btfValueId: number;
  readonly inner: MapImage | undefined;
  /** Initial slots: names of maps or programs. */
  readonly values: { readonly kind: 'maps' | 'programs'; readonly slots: ReadonlyMap<number, string> } | undefined;
}

/** A data section. */
export interface DataImage {
  readonly name: string;
  /** All of it, zeros of `.bss` included. */
  readonly bytes: Uint8Array;
  /** Has variables that user space may map (the map's BPF_F_MMAPABLE). */
  readonly mmapable: boolean;
}

/** A symbol that the file uses and does not define. */
export interface ExternImage {
  readonly name: string;
  readonly weak: boolean;
  /** False: types do not know it either, and so it is nothing that the kernel provides. Default true. */
  readonly declared?: boolean;
}

const mmapable = 0x400;

/** What of an object its image keeps. */
export interface ImageOptions {
  /**
   * `kept` (default): CO-RE relocations stay relocations, so that the object fits any kernel. `applied`: the
   * instructions are those of the kernel for which the object was read.
   */
  readonly core?: 'kept' | 'applied';
}

/** The image of what was read. What the file could not resolve stays as it was in it and is noted. */
export function objectImage(object: ObjectSpec, options: ImageOptions = {}): ObjectImage {
  const maps = object.maps.filter((map) => map.init?.kind !== 'data');
  const data = object.maps.flatMap((map) =>
    map.init?.kind === 'data' && map.section !== '.kconfig'
      ? [{ name: map.section, bytes: map.init.bytes, mmapable: (map.flags & mmapable) !== 0 }]
      : [],
  );
  const builder = new CodeBuilder(object, options.core !== 'applied');
  for (const program of object.programs) builder.add(program);
  return {
    license: object.license,
    version: object.version,
    code: builder.sections(),
    maps: maps.map((map) => mapImage(map, object)),
    data,
    externs: [...builder.externs.values()],
    btf: object.btf?.bytes,
  };
}

/** A map with what it refers to by name. */
function mapImage(map: MapSpec, object: ObjectSpec): MapImage {
  const { name, typeNumber, keySize, valueSize, maxEntries, flags, extra, numaNode, pinning, init } = map;
  const inner = map.inner === undefined ? undefined : { ...mapImage(map.inner, object), name: '' };
  let values: MapImage['values'];
  if (init?.kind === 'maps') {
    const slots = [...init.slots].map(([slot, index]) => [slot, object.maps[index]?.name ?? ''] as const);
    values = { kind: 'maps', slots: new Map(slots) };
  } else if (init?.kind === 'programs') values = { kind: 'programs', slots: init.slots };
  const idOf = (id: number, size: number): number => (object.btf?.sizeOf(id) === size ? id : 0);
  const ids = { btfKeyId: idOf(map.btfKeyId, keySize), btfValueId: idOf(map.btfValueId, valueSize) };
  return { name, typeNumber, keySize, valueSize, maxEntries, flags, extra, numaNode, pinning, ...ids, inner, values };
}

/** A code section that is being put together. */
interface MutableSection {
  readonly insns: Insn[];
  readonly functions: FunctionImage[];
  readonly references: ReferenceImage[];
  readonly core: CoreImage[];
}

/** A function on its own; slots count from its start. */
type Body = Omit<MutableSection, 'functions'>;

/** Lays the functions of all programs out in sections, each once. */
class CodeBuilder {
  readonly externs = new Map<string, ExternImage>();
  private readonly object: ObjectSpec;
  private readonly programs: ReadonlyMap<string, ProgramSpec>;
  private readonly bySection = new Map<string, MutableSection>();
  /** Functions that are laid out: name -> content. */
  private readonly placed = new Map<string, string>();
  /** Configuration values by their offset in the map `.kconfig`. */
  private readonly kconfig = new Map<number, ExternImage>();
  private readonly keepCore: boolean;

  constructor(object: ObjectSpec, keepCore: boolean) {
    this.object = object;
    this.keepCore = keepCore;
    this.programs = new Map(object.programs.map((program) => [program.name, program]));
    for (const { name, weak, offset } of object.kconfig ?? []) {
      this.kconfig.set(offset, { name, weak });
      // The types list them all, used or not, and libbpf wants a symbol for each.
      this.externs.set(name, { name, weak });
    }
    // Subprograms first, as compilers do; sections then in the order of their programs.
    this.bySection.set('.text', emptySection());
    for (const { section } of object.programs) {
      if (!this.bySection.has(section)) this.bySection.set(section, emptySection());
    }
  }

  /** Adds what of a program's functions is not there yet. Programs hold copies of the functions that they share. */
  add(program: ProgramSpec): void {
    const bodies = program.functions.map((fn) => ({ fn, body: this.body(program, fn) }));
    // Two static functions may share a name: the second one gets another.
    const names = new Map<string, string>();
    const fresh = bodies.filter(({ fn, body }) => {
      const content = JSON.stringify(body);
      let name = fn.name;
      for (let n = 2; (this.placed.get(name) ?? content) !== content; n++) name = `${fn.name}.${n}`;
      names.set(fn.name, name);
      const known = this.placed.has(name);
      this.placed.set(name, content);
      return !known;
    });
    for (const { fn, body } of fresh) {
      const references = body.references.map((entry) => ({
        ...entry,
        symbol: names.get(entry.symbol) ?? entry.symbol,
      }));
      this.layOut(program, fn, names.get(fn.name) ?? fn.name, { ...body, references });
    }
  }

  /** Sections with code in them, in the order in which programs named them. */
  sections(): CodeImage[] {
    return [...this.bySection].filter(([, code]) => code.insns.length > 0).map(([name, code]) => ({ name, ...code }));
  }

  /** Puts a function into its section and shifts its references. */
  private layOut(program: ProgramSpec, fn: FunctionSpec, name: string, { insns, references, core }: Body): void {
    const home = this.programs.get(fn.name)?.section ?? (fn === program.functions[0] ? program.section : '.text');
    const section = this.bySection.get(home);
    if (section === undefined) return;
    const start = section.insns.length;
    const shift = start - fn.start;
    section.insns.push(...insns);
    for (const reference of references) section.references.push({ ...reference, slot: reference.slot + start });
    for (const relocation of core) section.core.push({ ...relocation, slot: relocation.slot + start });
    const inside = (slot: number): boolean => slot >= fn.start && slot < fn.end;
    section.functions.push({
      name,
      start,
      end: start + insns.length,
      global: fn.global || this.programs.has(fn.name),
      btfId: fn.btfId,
      base: fn.start,
      lines: program.lines.filter((line) => inside(line.insn)).map((line) => ({ ...line, insn: line.insn + shift })),
      notes: new Map(
        program.unresolved.filter(({ insn }) => inside(insn)).map(({ insn, what }) => [insn + shift, what]),
      ),
    });
  }

  /** Instructions with their references taken out, and what CO-RE did to them. */
  private body(program: ProgramSpec, fn: FunctionSpec): Body {
    const insns = program.insns.slice(fn.start, fn.end);
    const core = this.keepCore ? takeBack(program, fn, insns) : [];
    const references: ReferenceImage[] = [];
    for (const [slot, insn] of insns.entries()) {
      const second = insns[slot + 1];
      const found = this.referenceOf(program, insn, second, fn.start + slot);
      if (found === undefined) continue;
      references.push({ slot, ...found });
      insns[slot] = { ...insn, src: 0, off: 0, imm: 0 };
      if (insn.code === op.LDDW && second !== undefined) insns[slot + 1] = { ...second, imm: 0 };
    }
    return { insns, references, core };
  }

  /** What an instruction refers to, as a symbol; undefined where it refers to nothing. */
  private referenceOf(
    program: ProgramSpec,
    insn: Insn,
    second: Insn | undefined,
    slot: number,
  ): Omit<ReferenceImage, 'slot'> | undefined {
    const unresolved = program.unresolved.find((entry) => entry.insn === slot);
    if (unresolved?.symbol !== undefined) {
      const { symbol } = unresolved;
      const declared = this.object.kconfig?.some(({ name }) => name === symbol.name) === true;
      const made = this.extern(insn.code === op.CALL_OP ? 'call' : 'load', { ...symbol, declared });
      // What stands in the instruction is an offset from the symbol that nobody defines.
      const addend = insn.code === op.LDDW && !declared && insn.imm !== 0 ? insn.imm >>> 0 : undefined;
      return made && { ...made, addend };
    }
    if (unresolved !== undefined) return undefined;
    const functionAt = (target: number): string | undefined =>
      program.functions.find((candidate) => candidate.start === target)?.name;
    if (insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL) {
      const symbol = functionAt(slot + 1 + insn.imm);
      return symbol === undefined ? undefined : { kind: 'call', symbol, addend: undefined };
    }
    if (insn.code === op.CALL_OP && insn.src === op.CALL_KFUNC) return this.extern('call', program.kfuncs[insn.imm]);
    if (insn.code !== op.LDDW || second === undefined) return undefined;
    switch (insn.src) {
      case op.PSEUDO_FUNC: {
        const symbol = functionAt(slot + 1 + insn.imm);
        return symbol === undefined ? undefined : { kind: 'load', symbol, addend: undefined };
      }
      case op.PSEUDO_BTF_ID:
        return this.extern('load', program.ksyms[insn.imm]);
      case op.PSEUDO_MAP_FD: {
        const map = this.object.maps[insn.imm];
        return map === undefined ? undefined : { kind: 'load', symbol: map.name, addend: undefined };
      }
      case op.PSEUDO_MAP_VALUE: {
        const map = this.object.maps[insn.imm];
        if (map?.section === '.kconfig') return this.extern('load', this.kconfig.get(second.imm));
        return map === undefined ? undefined : { kind: 'load', symbol: map.section, addend: second.imm >>> 0 };
      }
      default:
        return undefined;
    }
  }

  /** A reference to something of the kernel, which is noted. */
  private extern(kind: 'call' | 'load', extern: ExternImage | undefined): Omit<ReferenceImage, 'slot'> | undefined {
    if (extern === undefined) return undefined;
    const { name, weak, declared = true } = extern;
    this.externs.set(name, declared ? { name, weak } : { name, weak, declared });
    return { kind, symbol: extern.name, addend: undefined };
  }
}

function emptySection(): MutableSection {
  return { insns: [], functions: [], references: [], core: [] };
}

/**
 * Undoes a function's CO-RE relocations in `insns`, and lists them. A slot that no longer holds what its relocation
 * left there was edited since; its relocation is gone.
 */
function takeBack(program: ProgramSpec, fn: FunctionSpec, insns: Insn[]): CoreImage[] {
  const kept: CoreImage[] = [];
  for (const { insn, kind, typeId, access, before, after } of program.core ?? []) {
    if (insn < fn.start || insn >= fn.end) continue;
    const slot = insn - fn.start;
    const now = insns.slice(slot, slot + after.length);
    if (now.length !== after.length || now.some((word, i) => packInsn(word) !== packInsn(after[i] ?? word))) continue;
    insns.splice(slot, before.length, ...before);
    kept.push({ slot, kind, typeId, access });
  }
  return kept;
}

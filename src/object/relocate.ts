/**
 * One function's code with its references resolved: map and data loads hold the map's index, loads and calls of kernel
 * symbols a reference by name, and calls of other functions are listed for the linker. What cannot be resolved is said
 * in a sentence and the instruction is left as it was: it matters only to who wants to run it.
 */
import { type Insn, insnSize, op } from '../isa/index.js';
import type { Btf } from './btf.js';
import type { CoreRelo, LineInfo } from './btf-ext.js';
import { type CodeFunction, type CodeSection, referredSlot } from './code.js';
import type { CoreRelocator } from './core-relocate.js';
import type { Elf, ElfRelocation } from './elf.js';
import { STB_WEAK, STT_SECTION } from './elf.js';
import type { Extern, Externs } from './externs.js';
import type { MapIndex } from './map-section.js';
import { lowerBound } from './sorted.js';
import type { CoreRelocationSpec, ExternSpec, UnresolvedSpec } from './spec.js';

/** Relocation types (Documentation/bpf/llvm_reloc.rst). */
export const relocationNames: ReadonlyMap<number, string> = new Map([
  [0, 'R_BPF_NONE'],
  [1, 'R_BPF_64_64'],
  [2, 'R_BPF_64_ABS64'],
  [3, 'R_BPF_64_ABS32'],
  [4, 'R_BPF_64_NODYLD32'],
  [10, 'R_BPF_64_32'],
]);
const R_BPF_NONE = 0;
const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;

/** See {@link UnresolvedSpec}. */
interface UnresolvedPart {
  readonly slot: number;
  readonly what: string;
  readonly poisoned: boolean;
  readonly symbol: UnresolvedSpec['symbol'];
}

/** A function whose own references are resolved. Slots count from the function's start. */
export interface ResolvedFunction {
  readonly code: CodeFunction;
  readonly insns: Insn[];
  /** Calls and callback loads, in order of slot. */
  readonly calls: readonly { readonly slot: number; readonly target: CodeFunction }[];
  /** Calls of kernel functions; the linker numbers them per program. */
  readonly kfuncs: readonly { readonly slot: number; readonly extern: ExternSpec }[];
  /** Address loads of kernel symbols, likewise. */
  readonly ksyms: readonly { readonly slot: number; readonly extern: ExternSpec }[];
  /** CO-RE relocations that were applied, in order of slot. */
  readonly core: readonly CoreRelocation[];
  readonly unresolved: readonly UnresolvedPart[];
}

/** A CO-RE relocation and what it did to its instruction. */
type CoreRelocation = Omit<CoreRelocationSpec, 'insn'> & { readonly slot: number };

/** What a function's references are resolved against: the file's own tables, and the kernel's types. */
export interface RelocationContext {
  readonly elf: Elf;
  readonly code: ReadonlyMap<number, CodeSection>;
  readonly maps: MapIndex;
  readonly externs: Externs;
  /** Index of the `.kconfig` map. */
  readonly kconfigMap: number;
  /** CO-RE relocations by section name, in order of slot, and what resolves them. */
  readonly coreRelos: ReadonlyMap<string, readonly CoreRelo[]>;
  readonly core: CoreRelocator | undefined;
  /** What weak kernel symbols are looked up in. */
  readonly kernel: Btf | undefined;
  /** Where a slot of a section comes from: `file:line`, or the empty string. */
  readonly source: (section: string, slot: number) => string;
}

/**
 * Resolves one function, once for all the programs that reach it. Never throws for what a single instruction refers
 * to: that becomes an entry of `unresolved`.
 */
export function resolveFunction(context: RelocationContext, fn: CodeFunction): ResolvedFunction {
  return new Resolver(context, fn).run();
}

/** The record that holds at `slot` of a section. */
export function lineAt(lines: readonly LineInfo[], slot: number): LineInfo | undefined {
  return lines[lowerBound(lines, slot + 1, (line) => line.slot) - 1];
}

/** Resolves one function. Instructions are copied: several programs may link it. */
class Resolver {
  private readonly context: RelocationContext;
  private readonly fn: CodeFunction;
  private readonly insns: Insn[];
  private readonly calls: { slot: number; target: CodeFunction }[] = [];
  private readonly kfuncs: { slot: number; extern: ExternSpec }[] = [];
  private readonly ksyms: { slot: number; extern: ExternSpec }[] = [];
  private readonly core: CoreRelocation[] = [];
  private readonly unresolved: UnresolvedPart[] = [];

  constructor(context: RelocationContext, fn: CodeFunction) {
    this.context = context;
    this.fn = fn;
    this.insns = fn.section.insns.slice(fn.start, fn.end);
  }

  /** CO-RE first: a record may turn an instruction into another one, and relocations speak of what is there then. */
  run(): ResolvedFunction {
    this.relocateCore();
    const done = new Set<number>();
    const { relocations } = this.fn.section;
    for (let i = lowerBound(relocations, this.fn.start * insnSize, (r) => r.offset); i < relocations.length; i++) {
      const relocation = relocations[i];
      if (relocation === undefined || relocation.offset >= this.fn.end * insnSize) break;
      if (relocation.type === R_BPF_NONE) continue;
      const slot = Math.floor(relocation.offset / insnSize) - this.fn.start;
      done.add(slot);
      this.relocate(slot, relocation);
    }
    const { length } = this.insns;
    for (let slot = 0; slot < length; slot++) if (!done.has(slot)) this.plain(slot, this.insns[slot] as Insn);
    this.calls.sort((a, b) => a.slot - b.slot);
    const { calls, kfuncs, ksyms, core, unresolved, insns } = this;
    return { code: this.fn, insns, calls, kfuncs, ksyms, core, unresolved };
  }

  /** Notes what could not be resolved, with its place in section and source. */
  private fail(slot: number, what: string, poisoned = false, symbol?: UnresolvedSpec['symbol']): void {
    const source = this.context.source(this.fn.section.name, this.fn.start + slot);
    const place = `in section \`${this.fn.section.name}\`, function \`${this.fn.name}\``;
    const known = symbol === undefined ? undefined : { name: symbol.name, weak: symbol.weak };
    this.unresolved.push({
      slot,
      what: `${what} (${place}${source === '' ? '' : `, ${source}`})`,
      poisoned,
      symbol: known,
    });
  }

  /** Applies the records of this function. */
  private relocateCore(): void {
    const { core, coreRelos } = this.context;
    const relos = coreRelos.get(this.fn.section.name) ?? [];
    if (core === undefined) return;
    for (let i = lowerBound(relos, this.fn.start, (relo) => relo.slot); i < relos.length; i++) {
      const relo = relos[i];
      if (relo === undefined || relo.slot >= this.fn.end) break;
      const slot = relo.slot - this.fn.start;
      const slots = this.insns[slot]?.code === op.LDDW ? 2 : 1;
      const before = this.insns.slice(slot, slot + slots);
      const problem = core.apply(this.insns, slot, relo);
      const { typeId, access, kind } = relo;
      this.core.push({ slot, typeId, access, kind, before, after: this.insns.slice(slot, slot + slots) });
      if (problem !== undefined) this.fail(slot, problem.what, problem.poisoned);
    }
  }

  /** An instruction that no relocation mends. */
  private plain(slot: number, insn: Insn): void {
    if (insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL) {
      this.refer(slot, this.fn.section, this.fn.start + slot + 1 + insn.imm);
    } else if (insn.code === op.CALL_OP && insn.src === op.CALL_KFUNC) {
      this.fail(
        slot,
        `call of the kernel function with BTF id ${insn.imm}, which only the kernel it was made for knows`,
      );
    } else if (insn.code === op.LDDW && insn.src === op.PSEUDO_FUNC) {
      this.refer(slot, this.fn.section, this.fn.start + slot + 1 + insn.imm);
    } else if (insn.code === op.LDDW && insn.src !== 0) {
      this.plainMapLoad(slot, insn);
    }
  }

  /** A 64-bit load that names a map by number and has no relocation: only an index means something in a file. */
  private plainMapLoad(slot: number, insn: Insn): void {
    const byIndex = insn.src === op.PSEUDO_MAP_IDX || insn.src === op.PSEUDO_MAP_IDX_VALUE;
    if (byIndex && insn.imm >= 0 && insn.imm < this.context.maps.count) {
      this.set(slot, { src: insn.src === op.PSEUDO_MAP_IDX ? op.PSEUDO_MAP_FD : op.PSEUDO_MAP_VALUE });
    } else if (byIndex || insn.src === op.PSEUDO_MAP_FD || insn.src === op.PSEUDO_MAP_VALUE) {
      this.fail(slot, `a map is named by the number ${insn.imm}, and no relocation says which one is meant`);
    } else {
      this.fail(slot, `64-bit load of pseudo kind ${insn.src} with the value ${insn.imm} and without relocation`);
    }
  }

  private set(slot: number, change: Partial<Insn>): void {
    const insn = this.insns[slot];
    if (insn !== undefined) this.insns[slot] = { ...insn, ...change };
  }

  /** Both halves of a 64-bit load. */
  private load(slot: number, src: number, low: number, high: number): void {
    this.set(slot, { src, imm: low | 0 });
    this.set(slot + 1, { imm: high | 0 });
  }

  /** One relocation, by what its instruction is. */
  private relocate(slot: number, relocation: ElfRelocation): void {
    const insn = this.insns[slot];
    const { symbol, type } = relocation;
    const name = relocationNames.get(type) ?? `type ${type}`;
    if (relocation.hasAddend) {
      // libbpf and cilium/ebpf pass over such tables; the number that stands in the instruction would mean something
      // else.
      this.fail(
        slot,
        `relocation ${name} of \`${symbol.name}\` has an addend (SHT_RELA); compile with clang, which writes none`,
      );
      return;
    }
    const of = `relocation ${name} of \`${symbol.name}\``;
    if (insn === undefined || relocation.offset % insnSize !== 0) {
      this.fail(slot, `${of} mends no whole instruction`);
    } else if (type === R_BPF_64_64 && insn.code === op.LDDW && this.insns[slot + 1] !== undefined) {
      this.relocateLoad(slot, insn, relocation);
    } else if (type === R_BPF_64_32 && insn.code === op.CALL_OP) {
      this.relocateCall(slot, insn, relocation);
    } else {
      this.fail(slot, `${of} cannot mend an instruction with opcode 0x${insn.code.toString(16).padStart(2, '0')}`);
    }
  }

  /** A load of an address: of a map, of data, of a function or of something in the kernel. */
  private relocateLoad(slot: number, insn: Insn, { symbol }: ElfRelocation): void {
    if (symbol.extern) {
      this.loadExtern(slot, this.context.externs.bySymbol.get(symbol.index));
      return;
    }
    if (symbol.section === undefined) {
      this.fail(slot, `variable \`${symbol.name}\` has no place in the file: it is common or absolute; initialise it`);
      return;
    }
    const code = this.context.code.get(symbol.section);
    if (code !== undefined) {
      this.refer(slot, code, referredSlot(insn, symbol));
      this.set(slot, { src: op.PSEUDO_FUNC });
      return;
    }
    const found = this.context.maps.find(symbol.section, symbol.value + insn.imm);
    if (found === undefined) {
      const home = this.context.elf.sections[symbol.section]?.name ?? '';
      const what = symbol.type === STT_SECTION ? `offset ${symbol.value + insn.imm}` : `symbol \`${symbol.name}\``;
      this.fail(slot, `${what} in section \`${home}\` is neither a map, nor a variable, nor a function`);
    } else if (found.valueOffset === undefined) {
      this.load(slot, op.PSEUDO_MAP_FD, found.index, 0);
    } else {
      this.load(slot, op.PSEUDO_MAP_VALUE, found.index, found.valueOffset);
    }
  }

  private loadExtern(slot: number, extern: Extern | undefined): void {
    switch (extern?.kind) {
      case 'kconfig':
        if (extern.problem !== undefined) this.fail(slot, extern.problem, false, extern);
        this.load(slot, op.PSEUDO_MAP_VALUE, this.context.kconfigMap, extern.offset);
        break;
      case 'ksym':
        // A weak symbol that the kernel does not have has the address 0, for which programs test.
        if (extern.weak && !this.inKernel(extern)) this.load(slot, 0, 0, 0);
        else {
          this.load(slot, op.PSEUDO_BTF_ID, 0, 0);
          this.ksyms.push({ slot, extern: { name: extern.name, weak: extern.weak, btfId: extern.btfId } });
        }
        break;
      default:
        if (extern?.weak === true) this.load(slot, 0, 0, 0);
        else {
          const what = `undefined symbol \`${extern?.name ?? ''}\`: it is declared extern, and nothing in the file defines it`;
          this.fail(slot, what, false, extern);
        }
    }
  }

  private inKernel(extern: Extern & { kind: 'ksym' }): boolean {
    return this.context.kernel?.find(extern.name, extern.function ? 'func' : 'var') !== undefined;
  }

  /** A call of a function by symbol; `imm` may already say how far it is from the symbol. */
  private relocateCall(slot: number, insn: Insn, { symbol }: ElfRelocation): void {
    if (symbol.extern) {
      const extern = this.context.externs.bySymbol.get(symbol.index);
      if (extern?.kind === 'ksym' && extern.function) {
        this.set(slot, { src: op.CALL_KFUNC, imm: 0, off: 0 });
        this.kfuncs.push({ slot, extern: { name: extern.name, weak: extern.weak, btfId: extern.btfId } });
      } else {
        const undefinedSymbol = { name: symbol.name, weak: symbol.bind === STB_WEAK };
        const what = `undefined symbol \`${symbol.name}\`: the function is declared, and nothing defines it`;
        this.fail(slot, what, false, undefinedSymbol);
      }
      return;
    }
    const code = this.context.code.get(symbol.section ?? -1);
    if (code === undefined) this.fail(slot, `call of \`${symbol.name}\`, which is no code`);
    else {
      this.set(slot, { src: op.CALL_LOCAL });
      this.refer(slot, code, referredSlot(insn, symbol));
    }
  }

  /** Lists a call for the linker, which knows where the callee will lie. */
  private refer(slot: number, section: CodeSection, targetSlot: number): void {
    const target = section.functions.get(targetSlot);
    if (target !== undefined) this.calls.push({ slot, target });
    else this.fail(slot, `slot ${targetSlot} of section \`${section.name}\` is called, and no function begins there`);
  }
}

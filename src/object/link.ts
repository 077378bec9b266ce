/**
 * Puts a program together: its own function first, then each function that it reaches, once, in the order in which a
 * walk over the code meets the calls (libbpf: bpf_object__reloc_code). A called function is appended before the
 * caller's scan goes on, and is itself scanned at once; the walk keeps its own stack, since the file decides how deep
 * it goes.
 */

import { InputError } from '../base/index.js';
import type { Insn } from '../isa/index.js';
import { maxInsns } from '../platform/index.js';
import type { CodeFunction } from './code.js';
import type { ResolvedFunction } from './relocate.js';
import type { CoreRelocationSpec, ExternSpec, UnresolvedSpec } from './spec.js';

/** A program with all that it calls. Slots count from its start. */
export interface LinkedProgram {
  readonly insns: readonly Insn[];
  /** Functions in code order, each with its first slot in `insns`. */
  readonly placed: readonly { readonly fn: ResolvedFunction; readonly base: number }[];
  /** Kernel functions, in the order in which calls number them. */
  readonly kfuncs: readonly ExternSpec[];
  /** Kernel symbols, likewise. */
  readonly ksyms: readonly ExternSpec[];
  readonly core: readonly CoreRelocationSpec[];
  readonly unresolved: readonly UnresolvedSpec[];
}

/** Throws InputError when the program becomes too long. */
export function link(main: CodeFunction, resolve: (fn: CodeFunction) => ResolvedFunction): LinkedProgram {
  const placed = place(main, resolve);
  const bases = new Map(placed.map(({ fn, base }) => [fn.code, base]));
  const insns: Insn[] = [];
  const unresolved: UnresolvedSpec[] = [];
  const core: CoreRelocationSpec[] = [];
  const kfuncs = new Numbering();
  const ksyms = new Numbering();
  const patch = (slot: number, imm: number): void => {
    const insn = insns[slot];
    if (insn !== undefined) insns[slot] = { ...insn, imm };
  };
  for (const { fn, base } of placed) {
    for (const insn of fn.insns) insns.push(insn);
    for (const { slot, target } of fn.calls) patch(base + slot, (bases.get(target) ?? 0) - (base + slot) - 1);
    for (const { slot, extern } of fn.kfuncs) patch(base + slot, kfuncs.of(extern));
    for (const { slot, extern } of fn.ksyms) patch(base + slot, ksyms.of(extern));
    for (const { slot, ...relocation } of fn.core) core.push({ insn: base + slot, ...relocation });
    for (const { slot, ...rest } of fn.unresolved) unresolved.push({ insn: base + slot, ...rest });
  }
  return { insns, placed, kfuncs: kfuncs.list, ksyms: ksyms.list, core, unresolved };
}

/** Functions in the order of the walk, with the slot at which each begins. */
function place(
  main: CodeFunction,
  resolve: (fn: CodeFunction) => ResolvedFunction,
): { readonly fn: ResolvedFunction; readonly base: number }[] {
  const placed: { fn: ResolvedFunction; base: number }[] = [];
  const known = new Set<CodeFunction>();
  let end = 0;
  const add = (code: CodeFunction): { fn: ResolvedFunction; next: number } => {
    const fn = resolve(code);
    known.add(code);
    placed.push({ fn, base: end });
    end += fn.insns.length;
    if (end > maxInsns) {
      throw new InputError(
        `program \`${main.name}\` has more than ${maxInsns} instructions with the functions it calls`,
        {
          section: main.section.name,
        },
      );
    }
    return { fn, next: 0 };
  };
  const stack = [add(main)];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const call = top.fn.calls[top.next++];
    if (call === undefined) stack.pop();
    else if (!known.has(call.target)) stack.push(add(call.target));
  }
  return placed;
}

/** Externs in order of first use. */
class Numbering {
  readonly list: ExternSpec[] = [];
  private readonly byName = new Map<string, number>();

  /** The extern's index in the program's list, which has each name once. */
  of(extern: ExternSpec): number {
    const known = this.byName.get(extern.name);
    if (known !== undefined) return known;
    this.byName.set(extern.name, this.list.length);
    return this.list.push(extern) - 1;
  }
}

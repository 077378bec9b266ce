/**
 * CO-RE: makes a program compiled against one kernel's types fit another's (libbpf: bpf_core_calc_relo_insn). For each
 * relocation:
 *
 * 1. The candidates are the target's types of the same kind whose name is the same up to a `___flavor`.
 * 2. Those that have the thing in question are kept; all of them must lead to the same value, else it is ambiguous.
 * 3. The instruction gets that value. Where no candidate is left, questions of existence are answered with 0, and
 *    anything else is *poisoned*: replaced by a call that no kernel has. Programs guard such accesses, so it hurts only
 *    if it is reached.
 *
 * Without a target the program's own types are it, and every type is its own only candidate.
 */
import type { Insn } from '../isa/index.js';
import type { Btf } from './btf.js';
import { essentialName } from './btf.js';
import type { CoreRelo } from './btf-ext.js';
import { Effort, kindsCompatible } from './core-match.js';
import { patch, poison } from './core-patch.js';
import { type CoreKind, type CoreSpec, coreKinds, formatSpec, matchSpec, parseSpec } from './core-spec.js';
import { type CoreValue, coreValue } from './core-value.js';

/** Why an access could not be resolved. */
export interface CoreProblem {
  /** Sentence without place. */
  readonly what: string;
  /** The instruction was poisoned and does harm only when it is reached. */
  readonly poisoned: boolean;
}

/** What a relocation comes to: a value and where it was found, that there is none, or why it cannot be said. */
type Decision = { readonly after: CoreValue & { readonly btf: Btf } } | 'absent' | { readonly problem: string };

/**
 * Resolves the relocations of one object. It is asked once for each relocation of each function, and remembers
 * candidates between them: a
 * program has hundreds of accesses to a handful of types.
 */
export class CoreRelocator {
  private readonly local: Btf;
  private readonly targetOf: () => Btf | undefined;
  private readonly effort = new Effort();
  /** Candidates by local type. Each relocation drops those that do not have what it asks for. */
  private readonly candidates = new Map<number, readonly number[]>();

  /**
   * `target` is asked for at the first access that needs it; undefined, or `local`: there is none but the program's
   * own types.
   */
  constructor(local: Btf, target: () => Btf | undefined) {
    this.local = local;
    this.targetOf = target;
  }

  /** The kernel's types; undefined where they are the program's own. Read only when a relocation asks for them. */
  private get target(): Btf | undefined {
    const target = this.targetOf();
    return target === this.local ? undefined : target;
  }

  /** Patches `insns[slot]`. Returns what is wrong, or undefined. Throws InputError for damaged types. */
  apply(insns: Insn[], slot: number, relo: CoreRelo): CoreProblem | undefined {
    const kind = coreKinds[relo.kind];
    if (kind === undefined) return { what: `CO-RE relocation of unknown kind ${relo.kind}`, poisoned: false };
    const local = parseSpec(this.local, kind, relo.typeId, relo.access);
    if (typeof local === 'string') {
      const name = this.local.type(relo.typeId).name;
      return { what: `CO-RE relocation ${kind} of \`${name}\`: ${local}`, poisoned: false };
    }
    const of = `CO-RE relocation ${kind} of \`${formatSpec(local)}\``;
    const own = coreValue(kind, local);
    if (own === 'absent') return { what: `${of}: the program's own types lack it`, poisoned: false };
    if ('problem' in own) return { what: `${of}: ${own.problem}`, poisoned: false };
    const decision = this.decide(kind, local, own);
    if (decision === 'absent') {
      poison(insns, slot);
      return { what: `${of}: the target kernel has no such thing`, poisoned: true };
    }
    if ('problem' in decision) return { what: `${of}: ${decision.problem}`, poisoned: false };
    const outcome = patch(insns, slot, { ...own, btf: this.local }, decision.after);
    if (outcome === 'patched') return undefined;
    if (outcome === 'width') {
      return {
        what: `${of}: the field has another size in the target kernel, and is no unsigned number`,
        poisoned: true,
      };
    }
    return { what: `${of}: ${outcome.problem}`, poisoned: false };
  }

  /** Goes through the candidates. Throws nothing: a problem is told to whoever wants to run the program. */
  private decide(kind: CoreKind, local: CoreSpec, own: CoreValue): Decision {
    if (kind === 'local_type_id' || this.target === undefined) return { after: { ...own, btf: this.local } };
    if (this.local.type(local.root).name === '') return { problem: 'anonymous types cannot be looked for by name' };
    const kept: number[] = [];
    let first: { readonly spec: CoreSpec; readonly value: CoreValue | 'absent' } | undefined;
    for (const id of this.candidatesFor(local.root, this.target)) {
      const spec = matchSpec(local, kind, this.target, id, this.effort);
      if (spec === undefined) continue;
      const value = coreValue(kind, spec);
      if (value !== 'absent' && 'problem' in value) return value;
      if (first === undefined) first = { spec, value };
      else if (spec.bitOffset !== first.spec.bitOffset) {
        return {
          problem: `ambiguous: at bit ${first.spec.bitOffset} in one type of that name, at ${spec.bitOffset} in another`,
        };
      } else if (decided(value) !== decided(first.value)) {
        return { problem: `ambiguous: ${decided(first.value)} by one type of that name, ${decided(value)} by another` };
      }
      kept.push(id);
    }
    if (kept.length > 0) this.candidates.set(local.root, kept);
    const value = first === undefined ? coreValue(kind, undefined) : first.value;
    if (value === 'absent') return 'absent';
    return 'problem' in value ? value : { after: { ...value, btf: this.target } };
  }

  /** Types of the target that may be the local one, found once for each. */
  private candidatesFor(root: number, target: Btf): readonly number[] {
    const known = this.candidates.get(root);
    if (known !== undefined) return known;
    const type = this.local.type(root);
    const found = target.named(essentialName(type.name)).filter((id) => {
      this.effort.step();
      return kindsCompatible(target.type(id), type);
    });
    this.candidates.set(root, found);
    return found;
  }
}

function decided(value: CoreValue | 'absent'): bigint | 'absent' {
  return value === 'absent' ? value : value.value;
}

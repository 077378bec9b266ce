/**
 * Functions of a file in new code: bytecode to IR, its passes, and back (rebuild.ts), put where the old code was. What
 * comes out is an object file like any other, so that everything that is done to one can be done to it: passes over
 * bytecode, verifiers, proof. Who does that decides function by function whether the new code is the better one.
 *
 * References stay references: an instruction of the new code that loads an address or calls takes over relocation and
 * line of one that did the same in the old code. Functions with CO-RE records, weak symbols or configuration stay as
 * they are, since the IR has the numbers of one kernel in it.
 */
import type { BpfVersion } from '../bpf/index.js';
import { type World, worldOf } from '../ir/index.js';
import { type Insn, isCall, isLddw, op } from '../isa/index.js';
import {
  type EditedInsn,
  type FileFunction,
  type FunctionEdit,
  type FunctionSpec,
  type ObjectSpec,
  type ProgramSpec,
  xdpFitness,
} from '../object/index.js';
import { defaultSettings, passes, type Settings } from '../opt/index.js';
import { type InsnFacts, type ProgramFacts, verify } from '../verifier/index.js';
import { unknownContent } from './function-facts.js';
import { rebuildFunction } from './rebuild.js';

/** All passes that there are for bytecode; the second set leaves loads where they were, so that less is kept. */
const attempts: readonly ReadonlySet<string>[] = [
  new Set(passes.filter(({ targets }) => targets.includes('bpf')).map(({ name }) => name)),
  new Set(['fold', 'branches', 'narrow', 'dce']),
];

/** How many ways there are to make a function anew. */
export const wholeAttempts: number = attempts.length;

/** New code for functions of an object whose programs are accepted by a verifier that sees the new ones as well. */
export class WholeFunctions {
  private readonly object: ObjectSpec;
  private readonly world: World;
  private readonly version: BpfVersion;
  private readonly facts = new Map<ProgramSpec, ProgramFacts | undefined>();

  private readonly isTaken: (program: string) => boolean;

  /** `object` as `sizeMaps` leaves it; `isTaken`: does another verifier accept a program that ours does not know? */
  constructor(object: ObjectSpec, version: BpfVersion, isTaken: (program: string) => boolean) {
    this.isTaken = isTaken;
    this.object = object;
    this.version = version;
    this.world = worldOf({ ...object, maps: object.maps.map(unknownContent) });
  }

  /**
   * The edit that puts new code in the place of a function, `attempt` below {@link wholeAttempts}; undefined: none.
   */
  edit(fn: FileFunction, attempt: number): FunctionEdit | undefined {
    const users = this.object.programs.flatMap((program) => {
      const index = program.functions.findIndex((each) => isOrigin(each, fn));
      return index < 0 ? [] : [{ program, index }];
    });
    const [first] = users;
    const { kconfig } = this.object;
    if (first === undefined || users.length > 1 || fn.core.size > 0 || kconfig !== undefined) return undefined;
    const { program, index } = first;
    if (program.ksyms.length > 0 || program.unresolved.length > 0) return undefined;
    // Of other types the context is bytes, and nothing is known of what registers hold.
    const isKnown = xdpFitness(program) !== 'other';
    const facts = isKnown ? this.factsOf(program) : undefined;
    const enabled = attempts[attempt];
    const isJudged = isKnown ? facts !== undefined : this.isTaken(program.name);
    if (!isJudged || enabled === undefined) return undefined;
    const settings: Settings = { enabled, params: { ...defaultSettings.params, aligned: 1 } };
    const made = rebuildFunction(this.world, program, index, { version: this.version, settings, facts });
    if (made.kind === 'refused') return undefined;
    const { code } = made;
    const own = program.functions[index] as FunctionSpec; // found above
    const finder = new OldSlots(program, own, fn);
    const insns: EditedInsn[] = [];
    let line = fn.start;
    for (let at = 0; at < code.insns.length; at++) {
      const insn = code.insns[at] as Insn; // in range
      const origin = code.origins[at] ?? -1;
      if (origin >= own.start && origin < own.end) line = origin - own.start + fn.start;
      const second = isLddw(insn) ? code.insns[at + 1] : undefined;
      const target = code.functions.find((each) => each.at === at)?.target;
      const found = finder.find(insn, second, target);
      if (found === undefined) return undefined;
      insns.push({ insn: found.insn, refers: found.refers, line });
      if (second === undefined) continue;
      insns.push({ insn: found.second ?? second, refers: -1, line });
      at++;
    }
    return { section: fn.section, start: fn.start, end: fn.end, insns, labels: new Map([[fn.start, 0]]) };
  }

  /** What holds whatever newer verifiers know: both ways of a branch are possible. */
  private factsOf(program: ProgramSpec): ProgramFacts | undefined {
    if (this.facts.has(program)) return this.facts.get(program);
    const { maps, btf, kernelBtf, license } = this.object;
    const { facts } = verify(program, maps.map(unknownContent), { btf, kernelBtf, license, facts: true, logLevel: 0 });
    const insns = facts?.insns.map(
      (each): InsnFacts => (each.reached ? { ...each, taken: true, fallThrough: true } : each),
    );
    const result = facts === undefined || insns === undefined ? undefined : { ...facts, insns };
    this.facts.set(program, result);
    return result;
  }
}

/** A slot of the new code as the file has it. */
interface Found {
  readonly insn: Insn;
  readonly second?: Insn | undefined;
  readonly refers: number;
}

/** Finds the old slot whose relocation an instruction of the new code is to have. */
class OldSlots {
  private readonly program: ProgramSpec;
  private readonly own: FunctionSpec;
  private readonly fn: FileFunction;

  constructor(program: ProgramSpec, own: FunctionSpec, fn: FileFunction) {
    this.program = program;
    this.own = own;
    this.fn = fn;
  }

  /** Undefined where the old code has no such instruction. `target`: slot of the program that it leads to. */
  find(insn: Insn, second: Insn | undefined, target: number | undefined): Found | undefined {
    const isPlain = second === undefined ? !isCall(insn) || insn.src === op.CALL_HELPER : insn.src === 0;
    if (isPlain) return { insn, second, refers: -1 };
    const { insns } = this.program;
    for (let slot = this.own.start; slot < this.own.end; slot++) {
      const old = insns[slot] as Insn; // in range
      const isWide = isLddw(old);
      const next = isWide ? slot + 1 : slot;
      const imm = target === undefined ? insn.imm : target - slot - 1;
      const isSame =
        old.code === insn.code && old.src === insn.src && old.imm === imm && insns[next]?.imm === (second ?? old).imm;
      if (isSame) {
        const at = slot - this.own.start;
        const raw = this.fn.insns[at] as Insn; // as long as in the program
        return {
          insn: { ...raw, dst: insn.dst },
          second: isWide ? this.fn.insns[at + 1] : undefined,
          refers: this.fn.start + at,
        };
      }
      slot = next;
    }
    return undefined;
  }
}

function isOrigin({ origin }: FunctionSpec, fn: FileFunction): boolean {
  return origin?.section === fn.section && origin.slot === fn.start;
}

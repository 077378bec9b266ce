/** Proofs of all functions of an object that changed, over all programs that have them. */
import { isLocalCall } from '../../code/index.js';
import { type ObjectSpec, type ProgramSpec, xdpFitness } from '../../object/index.js';
import type { Solver } from '../../solve/index.js';
import { type ProgramFacts, verify } from '../../verifier/index.js';
import { isTheSameEverywhere, unknownContent } from '../function-facts.js';
import { shownType } from './context.js';
import { withoutCalls } from './inlined.js';
import type { Budget } from './path.js';
import { type Validation, validateFunction } from './validate.js';

/** From the surest on. */
const sureness: readonly Validation['verdict'][] = ['proved', 'bounded', 'unknown', 'refuted'];

/** Is the first verdict worse than the second? */
function isWorse(a: Validation, b: Validation): boolean {
  return sureness.indexOf(a.verdict) > sureness.indexOf(b.verdict);
}

/**
 * Verdicts by name, for the functions of that name, and for those that are gone since they were inlined into one; of a
 * function that several programs have the worst one. `before`
 * and `after` have the same programs in the same order. Without a solver what takes no thinking is proved all the
 * same.
 */
export async function validateObject(
  before: ObjectSpec,
  after: ObjectSpec,
  names: ReadonlySet<string>,
  solver: Solver | undefined,
  budget?: Budget,
): Promise<ReadonlyMap<string, Validation>> {
  const verdicts = new Map<string, Validation>();
  const done = new Map<string, Validation>();
  for (const [i, program] of before.programs.entries()) {
    const next = after.programs[i];
    if (next === undefined || !program.functions.some(({ name }) => names.has(name))) continue;
    const left = calledBy(next);
    let facts: ProgramFacts | undefined;
    let isAsked = false;
    for (const [index, fn] of program.functions.entries()) {
      const { name } = fn;
      const other = next.functions.findIndex((each) => each.name === name);
      if (!names.has(name) || other < 0) continue;
      if (!isAsked) facts = factsOf(before, program);
      isAsked = true;
      // Where it is never called nothing of it can differ.
      if (facts?.insns[fn.start]?.reached === false && isTheSameEverywhere(before, program)) {
        if (!verdicts.has(name)) verdicts.set(name, { verdict: 'proved', questions: 0 });
        continue;
      }
      const type = shownType(program, before.btf);
      // Programs without a difference in their functions' surroundings say the same of them.
      const key = codeKey(program, next);
      const known = key === undefined ? undefined : done.get(`${key} ${index}`);
      // What is not called any more is a part of its caller.
      const calls = left.get(name);
      const old = withoutCalls({ program, index, facts }, (callee) => calls?.has(callee) !== true);
      const validation =
        known ??
        (await validateFunction(
          old.code,
          { program: next, index: other },
          { type, maps: before.maps },
          solver,
          budget,
        ));
      if (key !== undefined) done.set(`${key} ${index}`, validation);
      const within = [...old.names].filter((each) => !next.functions.some((fn) => fn.name === each));
      for (const each of [name, ...within]) {
        const earlier = verdicts.get(each);
        if (earlier === undefined || isWorse(validation, earlier)) verdicts.set(each, validation);
      }
    }
  }
  return verdicts;
}

/** Names of the functions that each function of a program calls. */
function calledBy({ insns, functions }: ProgramSpec): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map(functions.map(({ start, name }) => [start, name]));
  const found = new Map<string, Set<string>>();
  for (const { name, start, end } of functions) {
    const own = new Set<string>();
    for (let pc = start; pc < end; pc++) {
      const insn = insns[pc];
      const callee = insn !== undefined && isLocalCall(insn) ? names.get(pc + 1 + insn.imm) : undefined;
      if (callee !== undefined) own.add(callee);
    }
    found.set(name, own);
  }
  return found;
}

/** Equal for programs that are the same, slot by slot, before and after. */
function codeKey({ type, insns }: ProgramSpec, after: ProgramSpec): string {
  const text = (list: ProgramSpec['insns']): string =>
    list.map(({ code, dst, src, off, imm }) => `${code},${dst},${src},${off},${imm}`).join(' ');
  return `${type} ${text(insns)} -> ${text(after.insns)}`;
}

/** Of programs that the verifier knows and accepts, whatever loaders put into constant data. */
function factsOf({ maps, btf, kernelBtf, license }: ObjectSpec, program: ProgramSpec): ProgramFacts | undefined {
  if (xdpFitness(program) === 'other') return undefined;
  return verify(program, maps.map(unknownContent), { btf, kernelBtf, license, facts: true, logLevel: 0 }).facts;
}

/**
 * Do two programs do the same, whatever the packet and the maps hold? What a solver says of their functions together.
 */
import { isTailCall } from '../code/index.js';
import { encodeInsns } from '../isa/index.js';
import { noSolver, openSolver } from '../linux/open-solver.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { lookBudget } from '../super/proof/index.js';
import { Verdicts } from '../verifier/index.js';
import { breakableWith, release } from './breakable-solver.js';
import type { Io } from './command.js';
import { type FunctionProof, proveFunctions } from './opt-proofs.js';

/** A program of an object. */
interface ProgramOf {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
}

/** From the surest on. */
const sureness: readonly FunctionProof['verdict'][] = ['proved', 'bounded', 'unknown', 'refuted'];

/**
 * The least sure of the verdicts on two programs' functions, compared one by one; their maps are equal. `unknown`
 * without asking where that says nothing of the whole: other functions, one that the verifier refuses, programs behind
 * tail calls that are not the same. `times`: as much work as usual, so often.
 */
export async function proveProgram(old: ProgramOf, fresh: ProgramOf, times: number, io: Io): Promise<FunctionProof> {
  const names = old.program.functions.map(({ name }) => name);
  const others = fresh.program.functions.map(({ name }) => name);
  if (names.length === 0 || names.join() !== others.join())
    return { verdict: 'unknown', why: 'they have other functions' };
  if (!sameTargets(old, fresh)) return { verdict: 'unknown', why: 'programs that they tail-call are not the same' };
  for (const { object, program } of [old, fresh])
    if (!(await io.work('verifying', () => Verdicts.of(object).accepts(program))))
      return { verdict: 'unknown', why: 'Linux would not load both' };
  const solver = await openSolver();
  if (solver === undefined) io.info(noSolver);
  const alone = ({ object, program }: ProgramOf): ObjectSpec => ({ ...object, programs: [program] });
  const proofs = await breakableWith(io, 'proving', solver, (heard) =>
    proveFunctions(alone(old), alone(fresh), new Set(names), heard, lookBudget(times)),
  ).finally(() => release(solver));
  let least: FunctionProof = { verdict: 'proved' };
  for (const name of names) {
    const proof = proofs.get(name) ?? { verdict: 'unknown', why: `\`${name}\` was not compared` };
    if (sureness.indexOf(proof.verdict) > sureness.indexOf(least.verdict)) least = proof;
  }
  return least;
}

/** A program that tail-calls decides by others, too. */
export function sameTargets(old: ProgramOf, fresh: ProgramOf): boolean {
  if (![old, fresh].some(({ program }) => program.insns.some(isTailCall))) return true;
  const codes = ({ object, program }: ProgramOf): string =>
    object.programs
      .filter((one) => one !== program)
      .map(({ name, insns }) => `${name} ${Buffer.from(encodeInsns(insns)).toString('hex')}`)
      .join();
  return codes(old) === codes(fresh);
}

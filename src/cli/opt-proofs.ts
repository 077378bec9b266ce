/** What the solver says of functions that `jitnic opt` changed. */
import { noSolver, openSolver } from '../linux/open-solver.js';
import { type ObjectSpec, type ProgramSpec, xdpFitness } from '../object/index.js';
import { type Validation, validateFunction } from '../super/proof/index.js';
import { type ProgramFacts, verify } from '../verifier/index.js';
import type { Io } from './command.js';

/** The verdict on a function, over all programs that have it. */
export interface FunctionProof {
  readonly verdict: Validation['verdict'];
  /** What differs, or why nothing is known. */
  readonly why?: string | undefined;
  /** Of a refuted one: a packet on which the versions differ, as hex. */
  readonly packet?: string | undefined;
}

/** From the surest on. */
const sureness: readonly Validation['verdict'][] = ['proved', 'bounded', 'unknown', 'refuted'];

/**
 * Proofs by name, for the functions of that name. Without a solver what takes no thinking is proved all the same, and
 * a line says so.
 */
export async function proveFunctions(
  before: ObjectSpec,
  after: ObjectSpec,
  names: ReadonlySet<string>,
  io: Io,
): Promise<ReadonlyMap<string, FunctionProof>> {
  const solver = await openSolver();
  if (solver === undefined) io.info(noSolver);
  const proofs = new Map<string, FunctionProof>();
  for (const [i, program] of before.programs.entries()) {
    const next = after.programs[i];
    if (next === undefined || !program.functions.some(({ name }) => names.has(name))) continue;
    const facts = factsOf(before, program);
    for (const [index, { name }] of program.functions.entries()) {
      const other = next.functions.findIndex((each) => each.name === name);
      if (!names.has(name) || other < 0) continue;
      const { type } = program;
      const validation = await validateFunction(
        { program, index, facts },
        { program: next, index: other },
        { type, maps: before.maps },
        solver,
      );
      const known = proofs.get(name);
      const proof = proofOf(validation);
      if (known === undefined || sureness.indexOf(proof.verdict) > sureness.indexOf(known.verdict))
        proofs.set(name, proof);
    }
  }
  await solver?.close();
  return proofs;
}

function proofOf(validation: Validation): FunctionProof {
  const { verdict } = validation;
  switch (verdict) {
    case 'proved':
      return { verdict };
    case 'bounded':
      return { verdict, why: `${validation.rounds} rounds of loops` };
    case 'unknown':
      return { verdict, why: validation.why };
    case 'refuted':
      return { verdict, why: validation.what, packet: Buffer.from(validation.example.packet).toString('hex') };
  }
}

/** Of programs that the verifier knows and accepts. */
function factsOf({ maps, btf, license }: ObjectSpec, program: ProgramSpec): ProgramFacts | undefined {
  if (xdpFitness(program) === 'other') return undefined;
  return verify(program, maps, { btf, license, facts: true, logLevel: 0 }).facts;
}

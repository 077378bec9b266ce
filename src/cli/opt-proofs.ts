/** What the solver says of functions that `jitnic opt` changed, for people and scripts. */
import type { ObjectSpec } from '../object/index.js';
import type { Solver } from '../solve/index.js';
import { type Budget, type Validation, validateObject } from '../super/proof/index.js';

/** The verdict on a function, over all programs that have it. */
export interface FunctionProof {
  readonly verdict: Validation['verdict'];
  /** What differs, or why nothing is known. */
  readonly why?: string | undefined;
  /** Of a refuted one: a packet on which the versions differ, as hex, and bytes of maps that matter. */
  readonly packet?: string | undefined;
  readonly maps?: readonly string[] | undefined;
}

/** Proofs by name, for the functions of that name. Without a solver what takes no thinking is proved all the same. */
export async function proveFunctions(
  before: ObjectSpec,
  after: ObjectSpec,
  names: ReadonlySet<string>,
  solver: Solver | undefined,
  budget?: Budget,
): Promise<ReadonlyMap<string, FunctionProof>> {
  const verdicts = await validateObject(before, after, names, solver, budget);
  return new Map([...verdicts].map(([name, validation]) => [name, proofOf(validation, before)]));
}

function proofOf(validation: Validation, { maps }: ObjectSpec): FunctionProof {
  const { verdict } = validation;
  switch (verdict) {
    case 'proved':
      return { verdict };
    case 'bounded':
      return { verdict, why: `${validation.rounds} rounds of loops` };
    case 'unknown':
      return { verdict, why: validation.why };
    case 'refuted': {
      const { packet, maps: bytes } = validation.example;
      const told = bytes.map(({ map, offset, byte }) => `${maps[map]?.name ?? map}+${offset}: ${byte}`);
      return { verdict, why: validation.what, packet: Buffer.from(packet).toString('hex'), maps: told };
    }
  }
}

/** The placement: by trying all where there are few pieces, else by search; or which constraints exclude each other.
 * */
import { type Evaluation, evaluate, pinName, type Violation } from './evaluate.js';
import { heuristic } from './heuristic.js';
import type { Problem } from './model.js';
import { mostExhaustive, optimum, type Placed } from './optimum.js';

/** Why a piece is where it is: what the next best place for it costs. */
export interface Reason {
  readonly piece: number;
  readonly element: number;
  /** The best with this piece elsewhere, others as they are; undefined: nowhere else can it be. */
  readonly next: { readonly element: number; readonly evaluation: Evaluation } | undefined;
  /** Places that constraints exclude, and which. */
  readonly excluded: readonly { readonly element: number; readonly violation: Violation }[];
}

/** What came of it. */
export type Solution =
  | {
      readonly kind: 'placed';
      readonly placed: Placed;
      readonly isOptimal: boolean;
      readonly reasons: readonly Reason[];
    }
  /** These constraints have no placement together; each of them is needed for that. */
  | { readonly kind: 'unsatisfiable'; readonly constraints: readonly string[]; readonly isProved: boolean };

/** Places all pieces. */
export function solvePlacement(problem: Problem): Solution {
  const isOptimal = problem.pieces.length <= mostExhaustive;
  const find = (active?: (constraint: string) => boolean): Placed | undefined =>
    isOptimal ? optimum(problem, active) : heuristic(problem, { active });
  const placed = find();
  if (placed !== undefined) return { kind: 'placed', placed, isOptimal, reasons: reasonsOf(problem, placed) };
  return { kind: 'unsatisfiable', constraints: conflict(problem, find), isProved: isOptimal };
}

/** Takes constraints away one by one, and keeps those without which it works. */
function conflict(problem: Problem, find: (active: (constraint: string) => boolean) => Placed | undefined): string[] {
  const needed = new Set(namesOf(problem));
  for (const name of [...needed]) {
    needed.delete(name);
    if (find((constraint) => needed.has(constraint)) !== undefined) needed.add(name);
  }
  return [...needed];
}

/** All that a placement could break. */
function namesOf(problem: Problem): string[] {
  const names = new Set<string>();
  const { elements, pieces, pins } = problem;
  // What is named first is done without first: of several conflicts the one is told that is about single pieces.
  names.add('packets go down the tiers');
  for (const { name } of elements) {
    names.add(`memory of ${name}`);
    names.add(`capacity of ${name}`);
  }
  for (const pin of pins.keys()) names.add(pinName(problem, pin));
  for (const { name, cost } of pieces)
    for (const [e, why] of cost.entries())
      if (typeof why === 'string') names.add(`${name} cannot run on ${elements[e]?.name}`);
  return [...names];
}

function reasonsOf(problem: Problem, { placement }: Placed): Reason[] {
  return placement.map((element, piece) => {
    const excluded: { element: number; violation: Violation }[] = [];
    let next: { element: number; evaluation: Evaluation } | undefined;
    for (let e = 0; e < problem.elements.length; e++) {
      if (e === element) continue;
      const other = [...placement];
      other[piece] = e;
      const evaluation = evaluate(problem, other);
      const [violation] = evaluation.violations;
      if (violation !== undefined) excluded.push({ element: e, violation });
      else if (next === undefined || evaluation.score < next.evaluation.score) next = { element: e, evaluation };
    }
    return { piece, element, next, excluded };
  });
}

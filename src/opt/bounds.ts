/**
 * Redundant checks: a bounds or null check that a dominating branch has decided, or one that it implies (`len < 34`
 * where `len >= 54`), goes one way. The null check of an array's element is the check that its index is in bounds, and
 * behind it the element is there.
 */
import { branchEnd, type FunctionCode, isConst, isPlace, type Value } from '../ir/index.js';
import type { PassContext } from './pass.js';
import { decide, type Fact, followed, PathFacts } from './path-facts.js';
import { Rewriter } from './rewriter.js';

/** Sums that are looked into. */
const maxDepth = 3;

/**
 * The pass. Facts are those of branches that dominate a block; a value may be replaced by one that is equal there only
 * at its uses in that block, since elsewhere it is not (`local`, `edge` of {@link Rewriter}).
 */
export function bounds(code: FunctionCode, { modes }: PassContext): FunctionCode {
  const rewriter = new Rewriter(code, modes);
  const { graph } = rewriter;
  const facts = new PathFacts(rewriter);

  /** A choice whose condition is known here is what it chooses; also below additions. */
  const chosen = (value: Value, known: Fact | undefined, depth = 0): Value => {
    if (known === undefined || depth > maxDepth) return value;
    const [a, b, c] = value.args;
    if (value.op === 'select') {
      const outcome = decide(known, a as Value);
      return outcome === undefined ? value : chosen((outcome ? b : c) as Value, known, depth + 1);
    }
    if (value.op !== 'add') return value;
    const [x, y] = [chosen(a as Value, known, depth + 1), chosen(b as Value, known, depth + 1)];
    return x === a && y === b ? value : graph.add(x, y);
  };

  return rewriter.run({
    enter: (block) => facts.enter(block),
    local: (value) => chosen(value, facts.now),
    edge: (value, pred, block) => chosen(value, facts.onEdge(pred, block)),
    end: (end) => {
      if (end.kind !== 'branch') return end;
      const [x, y] = end.condition.args;
      const isNullCheck =
        end.condition.op === 'eq' && x?.op === 'select' && y !== undefined && isConst(y) && y.imm === 0n;
      const [inside, element, none] = isNullCheck ? (x.args as [Value, Value, Value]) : [];
      if (inside !== undefined && isConst(none as Value) && none?.imm === 0n && isAddress(element as Value)) {
        const swapped = branchEnd(inside, end.no, end.yes);
        return followed(swapped, decide(facts.now, inside));
      }
      return followed(end, decide(facts.now, end.condition));
    },
    leave: (pinned, block) => {
      facts.leave(block);
      return pinned;
    },
  });
}

/** The element of an array is not null. */
function isAddress(value: Value): boolean {
  return value.op === 'element' || isPlace(value.op);
}

/** Where packets leave the trace tree, and which trace they left. */
import { mayFail } from '../../ir/index.js';
import type { RecordedTrace } from '../../trace/index.js';
import { type Parent, SideExit } from '../port.js';
import type { TestOf, TreeNode, TreeTrace } from './tree.js';

/** The test whose outcome led nowhere, or the node where nothing fitted. */
type Place = { readonly test: TestOf } | { readonly node: TreeNode };

/** An exit of a trace tree. It is made before the place that it belongs to. */
export class TreeExit extends SideExit {
  place: Place | undefined;

  /**
   * The trace that such packets were on, and how many of its guards they passed: a side trace begins there. Any trace
   * that goes through the place will do, since up to it they are the same.
   */
  override parent(): Parent | undefined {
    const { place } = this;
    if (place === undefined) return undefined;
    const installed = 'test' in place ? anyTrace(place.test.holds ?? place.test.fails) : anyTrace(place.node);
    if (installed === undefined) return undefined;
    const at = installed.path.findIndex((step) =>
      'test' in place ? step.test === place.test : step.node === place.node,
    );
    const guard = firstOpen(installed.trace, at < 0 ? installed.path.length : at);
    return guard === undefined || guard === 0 ? undefined : { installed, guard };
  }
}

/** The first trace below a node. */
function anyTrace(start: TreeNode | undefined): TreeTrace | undefined {
  let node = start;
  while (node !== undefined && node.traces.length === 0) node = node.tests[0]?.holds ?? node.tests[0]?.fails;
  return node?.traces[0];
}

/**
 * The first guard, in the order of the program, that a packet need not have passed when `passed` early guards held:
 * early guards are evaluated first, so those that had to wait are open, and so is everything behind an access that may
 * fail.
 */
function firstOpen(trace: RecordedTrace, passed: number): number | undefined {
  const { guards, snapshots } = trace.history;
  let early = 0;
  let open = 0;
  while (open < guards.length && guards[open]?.early === true && early < passed) {
    early++;
    open++;
  }
  if (open === guards.length) return undefined;
  const doubtful = trace.code.values.find(mayFail);
  if (doubtful !== undefined) while (open > 0 && (snapshots[open]?.values ?? 0) > doubtful.id) open--;
  return open;
}

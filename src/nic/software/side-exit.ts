/** Where packets leave the traces, and which trace they left. */
import { mayFail } from '../../ir/index.js';
import type { RecordedTrace } from '../../trace/index.js';
import type { InstalledTrace, TestOf, TreeNode } from './tree.js';

/** A place where packets leave the tree. What is known of recordings that started there lives here (penalties). */
export class SideExit {
  /** Misses here to let pass before the next recording. */
  wait = 0;
  /** Failed recordings so far. */
  failures = 0;
  /** The test whose outcome led nowhere, or the node where nothing fitted. Set by the tree. */
  place: { readonly test: TestOf } | { readonly node: TreeNode } | undefined;
}

/** A trace that a packet followed up to one of its guards. */
export interface Parent {
  readonly installed: InstalledTrace;
  /** Position of the guard in the trace's history. */
  readonly guard: number;
}

/**
 * The trace that a packet left at an exit, and the first of its guards that may have failed. Undefined if none is
 * known to have been followed beyond its first guard.
 */
export function parentAt(exit: SideExit): Parent | undefined {
  const { place } = exit;
  if (place === undefined) return undefined;
  const installed = 'test' in place ? anyTrace(place.test.holds ?? place.test.fails) : anyTrace(place.node);
  if (installed === undefined) return undefined;
  const at = installed.path.findIndex((step) =>
    'test' in place ? step.test === place.test : step.node === place.node,
  );
  const guard = firstOpen(installed.trace, at < 0 ? installed.path.length : at);
  return guard === undefined || guard === 0 ? undefined : { installed, guard };
}

function anyTrace(start: TreeNode | undefined): InstalledTrace | undefined {
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

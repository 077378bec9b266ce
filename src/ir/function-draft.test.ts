import { describe, expect, it } from 'vitest';
import { programSpec } from '../object/index.js';
import { checkFunction, FunctionDraft, formatFunction, Graph } from './index.js';

const program = { index: 0, spec: programSpec([], { name: 'prog' }) };

/** The sum of 1 to `count`, as a loop. */
function sum(count: bigint): FunctionDraft {
  const graph = new Graph({ fold: false });
  const draft = new FunctionDraft(program, graph);
  const [entry, head, body, done] = [draft.block(), draft.block(), draft.block(), draft.block()];
  const one = graph.constant(1n);
  draft.end(entry, { kind: 'jump', to: head });
  const left = draft.phi(head);
  const total = draft.phi(head);
  const condition = graph.make('eq', left, graph.constant(0n));
  draft.end(head, { kind: 'branch', condition, yes: done, no: body });
  draft.end(body, { kind: 'jump', to: head });
  draft.end(done, { kind: 'return', value: total });
  draft.argument(left, entry, graph.constant(count));
  draft.argument(left, body, graph.sub(left, one));
  draft.argument(total, entry, graph.constant(0n));
  draft.argument(total, body, graph.add(total, left));
  return draft;
}

describe('a function that is drafted by hand', () => {
  it('has its predecessors found', () => {
    const code = sum(10n).finish();
    checkFunction(code, 'test');
    expect(code.blocks[1]?.preds).toEqual([0, 2]);
    expect(formatFunction(code)).toContain('v0 = phi(10, v3)');
  });

  it('drops blocks that no one goes to', () => {
    const draft = sum(1n);
    const lost = draft.block();
    draft.end(lost, { kind: 'jump', to: 3 });
    expect(draft.finish().blocks[lost]).toBeUndefined();
  });

  it('refuses a block without an end, and a phi without an argument', () => {
    const open = new FunctionDraft(program, new Graph());
    open.block();
    expect(() => open.finish()).toThrow('block 0 has no end');
    const draft = sum(1n);
    draft.phi(1);
    expect(() => draft.finish()).toThrow('has no argument for block 0');
  });
});

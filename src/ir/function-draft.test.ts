import { describe, expect, it } from 'vitest';
import { type LoadedProgram, Machine } from '../vm/index.js';
import { objectSpec, programSpec } from '../vm/testing.js';
import { checkFunction, FunctionDraft, Graph, interpretFunction } from './index.js';

const machine = new Machine(objectSpec([programSpec([])], []));
const program = machine.programs[0] as LoadedProgram;

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
  it('has its predecessors found, and runs', () => {
    const code = sum(10n).finish();
    checkFunction(code, 'test');
    expect(code.blocks[1]?.preds).toEqual([0, 2]);
    expect(interpretFunction(code, machine)).toEqual({ kind: 'returned', r0: 55n });
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

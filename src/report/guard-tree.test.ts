import { describe, expect, it } from 'vitest';
import { guardTree } from './guard-tree.js';

describe('the tree of guards', () => {
  it('asks once what traces have in common, and puts the busier branch first', () => {
    const tree = guardTree([
      { trace: 0, packets: 5, guards: ['len >= 14', 'v4', 'udp'] },
      { trace: 1, packets: 20, guards: ['len >= 14', 'v4', 'tcp', 'syn'] },
      { trace: 2, packets: 1, guards: ['len < 14'] },
    ]);
    expect(tree).toEqual({
      guards: [],
      packets: 26,
      traces: [],
      children: [
        {
          guards: ['len >= 14', 'v4'],
          packets: 25,
          traces: [],
          children: [
            { guards: ['tcp', 'syn'], packets: 20, traces: [1], children: [] },
            { guards: ['udp'], packets: 5, traces: [0], children: [] },
          ],
        },
        { guards: ['len < 14'], packets: 1, traces: [2], children: [] },
      ],
    });
  });

  it('keeps a trace that ends where another goes on', () => {
    const tree = guardTree([
      { trace: 0, packets: 1, guards: ['a'] },
      { trace: 1, packets: 2, guards: ['a', 'b'] },
    ]);
    expect(tree.children).toEqual([
      { guards: ['a'], packets: 3, traces: [0], children: [{ guards: ['b'], packets: 2, traces: [1], children: [] }] },
    ]);
  });

  it('has traces without guards at the root', () => {
    expect(guardTree([{ trace: 7, packets: 9, guards: [] }])).toEqual({
      guards: [],
      packets: 9,
      traces: [7],
      children: [],
    });
  });
});

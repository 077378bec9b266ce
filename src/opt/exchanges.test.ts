import { describe, expect, it } from 'vitest';
import { formatFunction, parseFunction, plainNames, worldOf } from '../ir/index.js';
import { objectSpec, programSpec } from '../object/index.js';
import { exchanges } from './exchanges.js';

const world = worldOf(objectSpec('test', [programSpec([])], []));
const modes = { fold: true, share: true, prune: true };

/** What the pass makes of blocks that know the packet as v0. */
function exchanged(...lines: readonly string[]): string {
  const text = ['function main', 'block 0', '  v0 = ptr(14)', ...lines, '  return 2'].join('\n');
  const code = parseFunction(text, { index: 0, spec: programSpec([]) });
  return formatFunction(exchanges(code, { world, params: {} as never, modes }), plainNames, true);
}

const [first, second] = ['  v1 = load.2 packet[v0]', '  v2 = load.2 packet[v0 + 2]'];
const [low, high] = ['  store.2 packet[v0], v2', '  store.2 packet[v0 + 2], v1'];

describe('neighbours that change places', () => {
  it.each([
    ['the lower one first', [first, second, low, high]],
    ['the upper one first', [second, first, high, low]],
    [
      'with a load of them in between that comes before both stores',
      [first, '  v3 = load.4 packet[v0]', second, low, high],
    ],
    ['with a store beside them', [first, second, '  store.1 packet[v0 + 4], 7', low, high]],
  ])('are one word that is rotated: %s', (_, lines) => {
    const text = exchanged(...lines);
    expect(text).toMatch(/load\.4 packet/);
    expect(text).toMatch(/store\.4 packet/);
    expect(text).not.toMatch(/store\.2/);
  });

  it.each([
    [
      'a store to one of them comes between the loads and the stores',
      [first, second, '  store.1 packet[v0 + 3], 7', low, high],
    ],
    [
      'one is loaded after the other was stored',
      [first, low, second, high].map((line) => line.replace(', v2', ', v1')),
    ],
    ['one is stored where it was', [first, second, low.replace('v2', 'v1'), high]],
    ['they are no neighbours', [first, second, low, high].map((line) => line.replace('+ 2', '+ 3'))],
    ['they were loaded in an earlier block', [first, second, '  jump 1', 'block 1 <- 0', low, high]],
    [
      'they were loaded in an earlier block, which changed one of them afterwards',
      [first, second, '  store.1 packet[v0 + 3], 7', '  jump 1', 'block 1 <- 0', low, high],
    ],
    ['one of them was loaded in an earlier block', [first, '  jump 1', 'block 1 <- 0', second, low, high]],
  ])('stay two where %s', (_, lines) => {
    expect(exchanged(...lines)).not.toMatch(/store\.4/);
  });
});

import { describe, expect, it } from 'vitest';
import { formatFunction, parseFunction, plainNames, worldOf } from '../ir/index.js';
import { objectSpec, programSpec } from '../object/index.js';
import { combineStores } from './combine-stores.js';
import { defaultSettings } from './settings.js';

const world = worldOf(objectSpec('test', [programSpec([])], []));
const modes = { fold: true, share: true, prune: true };

/** What the pass makes of two stores of a word's parts, v2 and v3. */
function combined(low: string, high: string, size: 1 | 2 | 4): string {
  const text = [
    'function main',
    'block 0',
    '  v0 = ptr(14)',
    '  v1 = load.8 packet[v0 + 16]',
    ...[low, high].flatMap((part, i) =>
      (part.includes(';') ? part.split(';') : [part]).map((line) => line.replaceAll('$', `${i}`)),
    ),
    `  store.${size} packet[v0], v20`,
    `  store.${size} packet[v0 + ${size}], v21`,
    '  return 2',
  ].join('\n');
  const code = parseFunction(text, { index: 0, spec: programSpec([]) });
  return formatFunction(combineStores(code, { world, params: defaultSettings.params, modes }), plainNames, true);
}

/** The part of v1 that a mask and a shift leave. */
const part = (mask: string, shift: number): string => `  v1$ = v1 & ${mask};  v2$ = v1$ >> ${shift}`;

describe('parts of one number that are stored beside each other', () => {
  it.each([
    ['bytes', part('0xff', 0), part('0xff00', 8), 1],
    ['bytes further up', part('0xff00', 8), part('0xff0000', 16), 1],
    ['half words', part('0xffff', 0), part('0xffff0000', 16), 2],
    ['words', part('0xffffffff', 0), part('0xffffffff00000000', 32), 4],
    ['parts of which the mask leaves more', part('0xffff', 0), part('0xffff00', 8), 1],
  ] as const)('are one store, though they were masked before they were shifted: %s', (_, low, high, size) => {
    expect(combined(low, high, size)).toContain(`store.${2 * size} packet`);
  });

  it.each([
    ['a mask cuts bits off at the top', part('0xff', 0), part('0x7f00', 8), 1],
    ['a mask cuts bits off at the bottom', part('0xff', 0), part('0xfe00', 8), 1],
    ['the mask is that of the shifted part', part('0xffff', 0), part('0xffff', 16), 2],
    ['they are not neighbours', part('0xff', 0), part('0xff0000', 16), 1],
  ] as const)('stay two where %s', (_, low, high, size) => {
    expect(combined(low, high, size).split(`store.${size} `)).toHaveLength(3);
  });
});

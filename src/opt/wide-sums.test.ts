import { describe, expect, it } from 'vitest';
import { formatFunction, parseFunction, plainNames, worldOf } from '../ir/index.js';
import { objectSpec, programSpec } from '../object/index.js';
import { wideSums } from './wide-sums.js';

const world = worldOf(objectSpec('test', [programSpec([])], []));
const modes = { fold: true, share: true, prune: true };

interface Shape {
  readonly loads?: number;
  readonly folds?: number;
  /** Of the last fold. */
  readonly shift?: number;
  readonly mask?: string;
}

/** Half words of the packet, summed and folded; what the pass makes of that. */
function summed({ loads = 6, folds = 2, shift = 16, mask = '0xffff' }: Shape): string {
  const lines = ['function main', 'block 0', '  v0 = ptr(14)'];
  let next = 1;
  const define = (what: string): string => {
    lines.push(`  v${next} = ${what}`);
    return `v${next++}`;
  };
  const halves = Array.from({ length: loads }, (_, i) => define(`load.2 packet[v0 + ${2 * i}]`));
  let sum = halves.reduce((a, b) => define(`${a} + ${b}`));
  for (let i = 1; i <= folds; i++) {
    const isLast = i === folds;
    const high = define(`${sum} >> ${isLast ? shift : 16}`);
    const low = define(`${sum} & ${isLast ? mask : '0xffff'}`);
    sum = define(`${high} + ${low}`);
  }
  lines.push(`  return ${sum}`);
  const code = parseFunction(lines.join('\n'), { index: 0, spec: programSpec([]) });
  return formatFunction(wideSums(code, { world, params: {} as never, modes }), plainNames, true);
}

const words = (text: string): number => text.split('load.4').length - 1;

describe('a sum of half words', () => {
  it('is one of words where it is folded to the end', () => {
    expect(words(summed({}))).toBe(3);
    expect(words(summed({ folds: 3 }))).toBe(3);
  });

  it('is one of words from three pairs on; one that is left over is added', () => {
    expect(words(summed({ loads: 5 }))).toBe(0);
    expect(words(summed({ loads: 7 }))).toBe(3);
  });

  it.each([
    ['folded once, which may carry', { folds: 1 }],
    ['cut to a byte at last', { mask: '0xff' }],
    ['cut to more than what was shifted out', { mask: '0x1ffff' }],
    ['shifted by less than a half word', { shift: 15 }],
    ['shifted by more than a half word', { shift: 17 }],
  ])('stays one of half words where it is %s', (_, shape) => {
    expect(words(summed(shape))).toBe(0);
  });
});

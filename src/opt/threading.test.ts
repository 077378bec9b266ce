import { describe, expect, it } from 'vitest';
import { formatFunction, parseFunction, plainNames, worldOf } from '../ir/index.js';
import { objectSpec, programSpec } from '../object/index.js';
import { defaultSettings } from './settings.js';
import { threading } from './threading.js';

const world = worldOf(objectSpec('test', [programSpec([])], []));
const modes = { fold: true, share: true, prune: true };
const context = { world, params: defaultSettings.params, modes };

function threaded(...lines: readonly string[]): string {
  const code = parseFunction(['function main', ...lines].join('\n'), { index: 0, spec: programSpec([]) });
  return formatFunction(threading(code, context), plainNames, true);
}

const count = (text: string, what: RegExp): number => text.match(what)?.length ?? 0;

/** A test of the length, whose two ways meet and part again on what each has brought. */
const diamond = (a: string, b: string): string[] => [
  'block 0',
  '  v0 = len',
  '  v1 = v0 < 60',
  '  branch v1, 1, 2',
  'block 1 <- 0',
  '  store.1 packet[ptr], 1',
  '  jump 3',
  'block 2 <- 0',
  '  store.1 packet[ptr], 2',
  '  jump 3',
  'block 3 <- 1, 2',
  `  v2 = phi(${a}, ${b}) {ones 0xff}`,
  '  v3 = v2 == 7',
  '  branch v3, 4, 5',
  'block 4 <- 3',
  '  return 1',
  'block 5 <- 3',
  '  return 2',
];

describe('a branch that is decided by where one comes from', () => {
  const lines = (a: string, b: string): string[] => {
    const at = diamond(a, b);
    at.splice(1, 0, '  v9 = ptr(0)');
    return at.map((line) => line.replace('packet[ptr]', 'packet[v9]'));
  };

  it('is left out on both ways, or on the one that decides it', () => {
    expect(count(threaded(...lines('7', '8')), /branch/g)).toBe(1);
    expect(count(threaded(...lines('7', 'v0')), /branch/g)).toBe(2);
    expect(threaded(...lines('7', 'v0'))).toMatch(/store\.1 packet\[v\d+\], 1.*\n {2}(return 1|jump)/);
  });

  it('stays where neither decides it, and so does everything else', () => {
    expect(count(threaded(...lines('v0', 'v1')), /branch/g)).toBe(2);
    const straight = [
      'block 0',
      '  v0 = len',
      '  v1 = ptr(0)',
      '  store.1 packet[v1], v0',
      '  jump 1',
      'block 1 <- 0',
      '  return v0',
    ];
    expect(count(threaded(...straight), /block/g)).toBe(2);
  });
});

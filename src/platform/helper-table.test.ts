import { describe, expect, it } from 'vitest';
import {
  argAccess,
  helperId,
  helperNames,
  helperRow,
  helperRows,
  isEnvironment,
  isMissingHelper,
  kfuncNumber,
  registersRead,
  resultBits,
  walkSteps,
} from './index.js';
import { restrictedMaps } from './map-type.js';

describe('the helper table', () => {
  it('names each helper of Linux once, and finds a row by its number', () => {
    expect(new Set(helperNames).size).toBe(helperNames.length);
    expect(new Set(helperRows.map(({ number }) => number)).size).toBe(helperRows.length);
    for (const row of helperRows) {
      expect(helperRow(row.number)).toBe(row);
      expect(helperId[row.name]).toBe(row.number);
      expect(helperNames[row.number]).toBe(row.name);
    }
    expect(helperRow(0)).toBeUndefined();
    expect(helperRow(helperNames.length)).toBeUndefined();
  });

  it.each(helperRows.map((row) => [row.name, row] as const))('%s: its columns agree with each other', (_, row) => {
    const { args, ret } = row;
    expect(args.length).toBeLessThanOrEqual(5);
    for (const [i, arg] of args.entries()) {
      const next = args[i + 1];
      const isSized = typeof arg === 'string' && arg.startsWith('mem');
      const isSize = next === 'size' || next === 'size?';
      // Each size counts the bytes of the memory before it, and each memory has a size.
      expect(isSize).toBe(isSized);
    }
    const elements = args.some((arg) => arg === 'key' || arg === 'value' || arg === 'value out');
    if (elements || ret === 'map_value?' || row.maps !== undefined || row.alsoMaps !== undefined)
      expect(args).toContain('map');
    for (const map of row.alsoMaps ?? []) expect(restrictedMaps.has(map)).toBe(true);
    if (row.calls !== undefined) expect(args).toContain('func');
    if (row.prints === 'list') expect(args.filter((arg) => arg === 'mem?')).toHaveLength(1);
    if (row.prints === 'registers') expect(registersRead(row.number)).toBe(5);
    else expect(registersRead(row.number)).toBe(args.length);
    if (row.acquires === true) expect(ret.endsWith('?')).toBe(true);
    if (row.range !== undefined) expect(ret).toBe('integer');
    if (row.isZero === true) expect(isEnvironment(row)).toBe(true);
    const other = row.sameAs === undefined ? undefined : helperRow(helperId[row.sameAs]);
    if (row.sameAs !== undefined) expect(other).toMatchObject({ args, ret, asks: row.asks });
    // What is answered from a generator's state moves it.
    expect(row.asks === 'random').toBe(row.changes?.includes('generator') === true);
    expect(resultBits(row.number)).toBe(row.bits ?? 64);
    expect(isMissingHelper(row.number)).toBe(row.lacks !== undefined);
  });

  it('says of each class of argument what happens to the bytes behind it', () => {
    const written = helperRows.filter(({ args }) => args.some((arg) => argAccess(arg) === 'write'));
    const names = written.map(({ name }) => name);
    expect(names).toContain('xdp_load_bytes');
    expect(names).toContain('check_mtu');
    expect(names).not.toContain('xdp_store_bytes');
  });

  it('has numbers of their own for kfuncs and for the steps of a walk', () => {
    const iterators = ['bpf_iter_num_new', 'bpf_iter_num_next', 'bpf_iter_num_destroy'].map(kfuncNumber);
    const beyond = [...iterators, ...walkSteps.map(({ number }) => number)];
    expect(new Set(beyond).size).toBe(6);
    for (const number of beyond) expect(number).toBeGreaterThan(0xffff);
    expect(kfuncNumber('bpf_nonesuch')).toBeUndefined();
  });
});

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UnsupportedError } from '../../base/index.js';
import { corpusPage, corpusSummary, corpusTraffic, runObject, stopped } from './card-run.js';
import { findObjects } from './objects.js';

const examples = new URL('../../../examples/', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'corpus-'));
cpSync(join(examples, 'nat/nat.o'), join(folder, 'nat.o'));
cpSync(join(examples, 'ipv6-filter/ipv6-filter.o'), join(folder, 'ipv6-filter.o'));
cpSync(join(examples, 'firewall/firewall.o'), join(folder, 'firewall.o'));
cpSync(join(examples, 'firewall/firewall.maps.json'), join(folder, 'firewall.maps.json'));
writeFileSync(join(folder, 'damaged.o'), Buffer.alloc(64).fill(247, 18, 19));
const foreign = Buffer.alloc(64).fill(62, 18, 19);
foreign.write('\x7fELF', 'latin1');
writeFileSync(join(folder, 'foreign.o'), foreign);
afterAll(() => rmSync(folder, { recursive: true }));

describe('the corpus tool on a folder', () => {
  const packets = corpusTraffic(1, 200);
  const rows = findObjects(folder).flatMap((file) =>
    runObject({ ...file, name: file.path.slice(folder.length + 1) }, packets, { cacheSize: 16 }),
  );
  const rowOf = (object: string): (typeof rows)[number] | undefined => rows.find((row) => row.object === object);

  it('runs every XDP program on all packets and finds no difference', () => {
    for (const object of ['nat.o', 'ipv6-filter.o', 'firewall.o'])
      expect(rowOf(object)).toMatchObject({ result: 'ok', packets: 200, why: '' });
    expect(rowOf('ipv6-filter.o')?.hitRate).toMatch(/^\d+\.\d %$/);
  });

  it('changes a map before every packet if asked to, and finds no difference either', () => {
    const run = { cacheSize: 16, updates: 5 };
    const changed = findObjects(folder).flatMap((file) => runObject(file, packets, run));
    const firewall = changed.find((row) => row.program.includes('firewall'));
    expect(firewall).toMatchObject({ result: 'ok', packets: 200, why: '' });
    expect(firewall?.updates).toBeGreaterThan(100);
    expect(corpusSummary(changed)).toMatch(/ updates between [\d,]+ packets, \d+ traces retired$/);
  });

  it('fills maps from the file beside the object, and says which file does not fit', () => {
    writeFileSync(join(folder, 'nat.maps.json'), '{ "maps": { "none_such": [] } }');
    const [row] = runObject({ name: 'nat.o', path: join(folder, 'nat.o') }, packets, { cacheSize: 16 });
    expect(row).toMatchObject({ result: 'refused', why: expect.stringMatching(/nat\.maps\.json.*none_such/) });
  });

  it('lists what cannot be read as refused, with the reason, and what is for other machines as skipped', () => {
    expect(rowOf('damaged.o')).toMatchObject({ result: 'refused' });
    expect(rowOf('damaged.o')?.why).not.toBe('');
    expect(rowOf('foreign.o')).toMatchObject({ result: 'skipped', why: 'machine code, not BPF' });
  });

  it('counts and prints a table with one line a program', () => {
    expect(corpusSummary(rows)).toBe('3 passed, 0 failed, 1 refused, 1 skipped');
    const page = corpusPage(rows, '200 generated packets');
    expect(page).toContain('3 passed, 0 failed, 1 refused');
    expect(page.split('\n').filter((line) => /^\| \S+\.o \|/.test(line))).toHaveLength(rows.length - 1);
  });

  it('names source files without the folders of the machine that compiled them', () => {
    const error = new UnsupportedError('/home/someone/src/filter.c:12: no such helper');
    expect(stopped('a.o', 'p', error).why).toBe('filter.c:12: no such helper');
  });

  it('tells refusals from faults of its own', () => {
    expect(stopped('a.o', 'p', new UnsupportedError('no such helper')).result).toBe('refused');
    expect(stopped('a.o', 'p', new RangeError('index')).result).toBe('failed');
  });
});

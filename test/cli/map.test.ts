/** `jitnic map`: maps by name, in files. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const source = `
.license "GPL"
.map words type=hash key=4 value=8 max_entries=2
.map slots type=array key=4 value=4 max_entries=3
.map cpus type=percpu_array key=4 value=8 max_entries=1
.map routes type=lpm_trie key=8 value=4 max_entries=8 flags=1
.map jobs type=queue key=0 value=4 max_entries=2
.section xdp
p: r0 = 2
exit
`;

let folder = '';
let object = '';
let maps = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-map-'));
  object = join(folder, 'p.s');
  maps = join(folder, 'maps.json');
  writeFileSync(object, source);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  writeFileSync(maps, '{"maps": {"words": [{"key": 1, "value": 100}]}}');
});

function map(operation: string, words: string, ...flags: string[]): ReturnType<typeof captureCli> {
  return captureCli(['map', operation, object, ...words.split(' ').filter((word) => word !== ''), ...flags]);
}

/** Performs a change on the map file itself. */
function change(operation: string, words: string, ...flags: string[]): ReturnType<typeof captureCli> {
  return map(operation, words, '--maps-in', maps, '--maps-out', maps, ...flags);
}

async function lookup(words: string, ...flags: string[]): Promise<unknown> {
  const { out } = await map('lookup', words, '--maps-in', maps, '-j', ...flags);
  const [found] = JSON.parse(out).maps;
  return found.error ?? found.entries[0].values ?? found.entries[0].value;
}

describe('map', () => {
  test('dumps one map, or all', async () => {
    const one = await map('dump', 'words', '--maps-in', maps);
    expect(one.out).toBe(
      'words  hash, key 4 B, value 8 B, 1 entry of 2\n  key 01 00 00 00  value 64 00 00 00 00 00 00 00\n',
    );
    const all = JSON.parse((await map('dump', '', '--maps-in', maps, '-j')).out);
    expect(all.schema).toBe('jitnic.map/1');
    expect(all.maps.map((one: { name: string }) => one.name)).toEqual(['words', 'slots', 'cpus', 'routes', 'jobs']);
    expect(all.maps[1]).toMatchObject({ type: 'array', bytes_key: 4, bytes_value: 4, max_entries: 3 });
    expect(all.maps[1].entries).toHaveLength(3);
  });

  test.each([
    ['hex 01 00 00 00', 'a number of the width of the key'],
    ['1 0 0 0x0', 'bytes'],
    ['1', 'one number'],
    ['0x1', 'one hexadecimal number'],
    ['u8:1 pad:3', 'parts'],
    ['{"u32":1}', 'JSON'],
  ])('looks up by `key %s` (%s)', async (key) => {
    expect(await lookup(`words key ${key}`)).toBe('64 00 00 00 00 00 00 00');
  });

  test('updates, deletes, and keeps the rest', async () => {
    expect((await change('update', 'words key 2 value 7')).exitCode).toBe(0);
    expect(await lookup('words key 2')).toBe('07 00 00 00 00 00 00 00');
    expect((await change('delete', 'words key 1')).exitCode).toBe(0);
    expect(await lookup('words key 1')).toBe('ENOENT');
    expect(await lookup('words key 2')).toBe('07 00 00 00 00 00 00 00');
  });

  test('updates the value of one CPU', async () => {
    expect((await change('update', 'cpus key 0 value 5', '--cpus', '2', '--cpu', '1')).exitCode).toBe(0);
    expect(await lookup('cpus key 0', '--cpus', '2')).toEqual(['00 00 00 00 00 00 00 00', '05 00 00 00 00 00 00 00']);
  });

  test('finds the longest prefix', async () => {
    await change('update', 'routes key u32:8 ipv4:10.0.0.0 value 1');
    await change('update', 'routes key u32:16 ipv4:10.1.0.0 value 2');
    expect(await lookup('routes key u32:32 ipv4:10.1.2.3')).toBe('02 00 00 00');
    expect(await lookup('routes key u32:32 ipv4:10.2.2.3')).toBe('01 00 00 00');
  });

  test('pushes to a queue, which has no keys', async () => {
    await change('update', 'jobs value 1');
    await change('update', 'jobs value 2');
    expect(await lookup('jobs')).toBe('01 00 00 00');
  });

  test.each([
    ['lookup', 'words key 9', 'ENOENT'],
    ['delete', 'words key 9', 'ENOENT'],
    ['update', 'words key 1 value 1 noexist', 'EEXIST'],
    ['update', 'words key 9 value 1 exist', 'ENOENT'],
    ['update', 'slots key 3 value 1', 'E2BIG'],
    ['delete', 'slots key 0', 'EINVAL'],
    ['lookup', 'jobs', 'ENOENT'],
  ])('%s of `%s` is a negative answer: %s', async (operation, words, error) => {
    const before = readFileSync(maps, 'utf8');
    const asText = operation === 'lookup' ? map(operation, words, '--maps-in', maps) : change(operation, words);
    expect(await asText).toMatchObject({ exitCode: 1, out: '', err: expect.stringContaining(error) });
    const flags = operation === 'lookup' ? [] : ['--maps-out', maps];
    const asJson = await map(operation, words, '--maps-in', maps, '-j', ...flags);
    expect(asJson.exitCode).toBe(1);
    expect(JSON.parse(asJson.out).maps[0].error).toBe(error);
    expect(readFileSync(maps, 'utf8')).toBe(before);
  });

  test('refuses a full map', async () => {
    await change('update', 'words key 2 value 2');
    expect((await change('update', 'words key 3 value 3')).err).toContain('E2BIG');
  });

  test.each([
    ['dmup', '', 2, 'did you mean `dump`?'],
    ['lookup', '', 2, 'which map?'],
    ['lookup', 'wrods key 1', 3, 'there is no map `wrods`'],
    ['lookup', 'words', 3, 'no key'],
    ['lookup', 'words key hex 01', 3, '4 bytes take 8'],
    ['lookup', 'words key 1 2 3 400', 2, '`400` is no byte'],
    ['lookup', 'words key ipv9:1', 3, 'there is no part `ipv9`'],
    ['lookup', 'words 1', 2, 'neither `key` nor `value`'],
    ['lookup', 'words key 1 value 1', 2, 'takes no value'],
    ['dump', 'words key 1', 2, 'takes no key'],
    ['update', 'words key 1 value 1', 2, '--maps-out'],
    ['update', 'words key 1 --maps-out x', 2, 'update to what?'],
    ['dump', 'words --cpu 1', 2, '--cpu'],
    ['dump', 'words --cpus 0', 2, '--cpus 0'],
    ['dump', 'words --maps-in /nonexistent', 3, 'no such file'],
  ])('%s %s: exit code %d, %s', async (operation, words, exitCode, text) => {
    const answer = await map(operation, words);
    expect(answer.exitCode).toBe(exitCode);
    expect(answer.err).toContain(text);
  });

  test('what a real object dumps can be read again, constants included', async () => {
    const nat = fileURLToPath(new URL('../../examples/nat/nat.o', import.meta.url));
    const file = join(folder, 'nat.json');
    const first = await captureCli([
      'map',
      'dump',
      nat,
      '--maps-in',
      nat.replace(/o$/, 'maps.json'),
      '--maps-out',
      file,
    ]);
    expect(first).toMatchObject({ exitCode: 0, err: '' });
    expect(first.out).toContain(
      'key { port: 20480, proto: 6, pad: 0 }  value { addr: 1342177290, port: 36895, pad: 0 }',
    );
    expect(await captureCli(['map', 'dump', nat, '--maps-in', file])).toMatchObject({ exitCode: 0, out: first.out });
  });

  test('what --json prints is read as a map file, and so are members in a text', async () => {
    const nat = fileURLToPath(new URL('../../examples/nat/nat.o', import.meta.url));
    const file = join(folder, 'nat.json');
    const first = await captureCli(['map', 'dump', nat, '--maps-in', nat.replace(/o$/, 'maps.json')]);
    const printed = await captureCli(['map', 'dump', nat, '--maps-in', nat.replace(/o$/, 'maps.json'), '--json']);
    writeFileSync(file, printed.out);
    expect(await captureCli(['map', 'dump', nat, '--maps-in', file])).toMatchObject({ exitCode: 0, out: first.out });
    const text = (member: string): string =>
      `{"maps": {"forwards": [{"key": "{${member}: 20480, proto: 6}", "value": "{addr: 7}"}]}}`;
    writeFileSync(file, text('port'));
    const { out } = await captureCli(['map', 'dump', nat, 'forwards', '--maps-in', file]);
    expect(out).toContain('key { port: 20480, proto: 6, pad: 0 }  value { addr: 7, port: 0, pad: 0 }');
    writeFileSync(file, text('prot'));
    const wrong = await captureCli(['map', 'dump', nat, '--maps-in', file]);
    expect(wrong).toMatchObject({ exitCode: 3, out: '' });
    expect(wrong.err).toContain('map `forwards`: entry 0: key');
  });
});

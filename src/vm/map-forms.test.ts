/** Map files in every form in which something prints a map. */
import { describe, expect, it } from 'vitest';
import { BtfBuilder, parseImage, readObject, writeElf } from '../object/index.js';
import { parseLooseJson } from './loose-json.js';
import { Machine } from './machine.js';
import { dumpMaps, loadMaps, mapsText, parseMapsFile } from './map-json.js';
import { nonZeroElements } from './non-zero.js';

const btf = new BtfBuilder(undefined);
const bucket = btf.struct(12, [
  { name: 'last', type: btf.int(), offset: 0 },
  { name: 'tokens', type: btf.int(), offset: 4 },
  { name: 'name', type: btf.array(btf.char(), 4), offset: 8 },
]);
const image = parseImage(`
  .license "GPL"
  .map buckets type=hash key=4 value=12 max_entries=64
  .map six type=hash key=16 value=4 max_entries=64
  .map cpus type=percpu_array key=4 value=4 max_entries=2
  .map trie type=lpm_trie key=8 value=4 max_entries=8 flags=1
  .map next type=prog_array key=4 value=4 max_entries=2
  .map big type=array key=4 value=5 max_entries=3000000
  .section xdp
  r0 = 2
  exit`);
const maps = image.maps.map((map) =>
  map.name === 'buckets' ? { ...map, btfKeyId: btf.int(), btfValueId: bucket } : map,
);
const object = readObject(writeElf({ ...image, maps, btf: btf.bytes() }));

/** What a machine holds after reading the text: bytes of values by bytes of keys. */
function read(text: string, name = 'buckets', cpus = 1): Record<string, unknown> {
  const machine = new Machine(object, { cpus });
  loadMaps(machine, parseMapsFile(text));
  const entries = dumpMaps(machine, { formatted: false }).maps[name] ?? [];
  return Object.fromEntries(entries.map(({ key, value, values }) => [key, value ?? values]));
}

const full = '05 00 00 00 07 00 00 00 61 62 00 00';

describe('a map file reads', () => {
  it.each([
    ['{"maps": {"buckets": [{"key": 1, "value": {"last": 5, "tokens": 7, "name": "ab"}}]}}'],
    ['{maps: {buckets: [{key: 1, value: { last: 5, tokens: 7, name: ab }},]}}'],
    ['{maps:{buckets:[{key:1,value:{last:5,tokens:0x7,name:[97, 98]}}]}}'],
    [
      '{"maps": {"buckets": [{"key": ["0x01","0x00","0x00","0x00"], "value": ["0x05","0x00","0x00","0x00","0x07","0x00","0x00","0x00","0x61","0x62","0x00","0x00"], "formatted": {"key": 1, "value": {"last": 5}}}]}}',
    ],
    [`{"maps": {"buckets": [{"key": "01 00 00 00", "value": "${full}"}]}}`],
    [`{"maps": {"buckets": [{"key": "1.0.0.0", "value": [{"u32": 5}, {"u32": 7}, {"hex": "61620000"}]}]}}`],
  ])('%s', (text) => {
    expect(read(text)).toEqual({ '01 00 00 00': full });
  });

  it('members that are not named as 0', () => {
    expect(read('{maps: {buckets: [{key: 2, value: {tokens: -1}}]}}')).toEqual({
      '02 00 00 00': '00 00 00 00 ff ff ff ff 00 00 00 00',
    });
  });

  it('addresses', () => {
    const text = '{maps: {buckets: [{key: 10.0.0.1, value: {last: 1.2.3.4}}], six: [{key: "2001:db8::1", value: 9}]}}';
    expect(Object.keys(read(text))).toEqual(['0a 00 00 01']);
    expect(read(text)['0a 00 00 01']).toMatch(/^01 02 03 04/);
    expect(read(text, 'six')).toEqual({ '20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01': '09 00 00 00' });
  });

  it('prefixes of tries, and programs by their names', () => {
    const trie = `{maps: {trie: [{key: 10.1.2.3/8, value: 7}], next: [{key: 1, value: ${object.programs[0]?.name}}]}}`;
    expect(read(trie, 'trie')).toEqual({ '08 00 00 00 0a 00 00 00': '07 00 00 00' });
    expect(Object.keys(read(trie, 'next'))).toEqual(['01 00 00 00']);
    expect(() => read('{maps: {trie: [{key: "2001:db8::/32", value: 7}]}}')).toThrow('an address of 16 bytes, not 4');
    expect(() => read('{maps: {trie: [{key: 10.0.0.0/33, value: 7}]}}')).toThrow('is not a subnet');
    expect(() => read('{maps: {next: [{key: 1, value: xpd}]}}')).toThrow('there is no program `xpd`');
  });

  it('hex where a byte array has no room for it as text', () => {
    expect(read('{maps: {buckets: [{key: 1, value: {name: "61 62 00 01"}}]}}')['01 00 00 00']).toMatch(/61 62 00 01$/);
  });

  it("bpftool's values of all CPUs", () => {
    const text =
      '{"maps": {"cpus": [{"key": ["0x01","0x00","0x00","0x00"], "values": [{"cpu": 1, "value": ["0x09","0x00","0x00","0x00"]}, {"cpu": 0, "value": ["0x08","0x00","0x00","0x00"]}]}]}}';
    expect(read(text, 'cpus', 2)['01 00 00 00']).toEqual(['08 00 00 00', '09 00 00 00']);
  });

  it('a list without a name where the object has one map', () => {
    const one = readObject(
      writeElf(parseImage('.map m type=hash key=4 value=4 max_entries=4\n.section xdp\nr0 = 2\nexit')),
    );
    const machine = new Machine(one);
    loadMaps(machine, parseMapsFile('[{"key":["0x01","0x00","0x00","0x00"],"value":["0x02","0x00","0x00","0x00"]}]'));
    expect(dumpMaps(machine).maps['m']).toEqual([{ key: '01 00 00 00', value: '02 00 00 00' }]);
    expect(() => read('[{"key": 1, "value": 2}]')).toThrow(/no map is named/);
  });

  it.each([
    ['{maps: {buckets: [{key: 1, value: {colour: 1}}]}}', /colour/],
    ['{maps: {buckets: [{key: 1, value: {last: "x"}}]}}', /`last` is no number/],
    ['{maps: {buckets: [{key: 1, value: {last: 4294967296}}]}}', /does not fit/],
    ['{maps: {buckets: [{key: 1, value: {name: abcde}}]}}', /room for 4 bytes/],
    ['{maps: {buckets: [{key: ["0x01"], value: {}}]}}', /1 bytes, and 4 are wanted/],
    ['{maps: {buckets: [{key: 1, value: 2]}}', /not JSON/],
  ])('%s is an error', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('what is dumped: the same contents, formatted or not, as text or as values', () => {
    const machine = new Machine(object, { cpus: 2 });
    loadMaps(
      machine,
      parseMapsFile(
        `{maps: {buckets: [{key: 1, value: "${full}"}], cpus: [{key: 0, value: 5}], big: [{key: 2999999, value: "00 00 00 00 01"}]}}`,
      ),
    );
    const text = [...mapsText(machine)].join('');
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(dumpMaps(machine))));
    const again = new Machine(object, { cpus: 2 });
    loadMaps(again, parseMapsFile(text));
    expect(dumpMaps(again)).toEqual(dumpMaps(machine));
    const formatted = dumpMaps(machine).maps['buckets']?.map((entry) => entry.formatted);
    const typed = new Machine(object, { cpus: 2 });
    loadMaps(typed, parseMapsFile(JSON.stringify({ maps: { buckets: formatted } })));
    expect(dumpMaps(typed).maps['buckets']).toEqual(dumpMaps(machine).maps['buckets']);
  });
});

describe('a large array', () => {
  it('is listed by what is not zero', () => {
    const machine = new Machine(object);
    expect(dumpMaps(machine).maps['big']).toEqual([]);
    loadMaps(
      machine,
      parseMapsFile(
        '{maps: {big: [{key: 0, value: "00 00 00 00 01"}, {key: 1, value: "01 00 00 00 00"}, {key: 7, value: "00 00 00 00 00"}]}}',
      ),
    );
    expect(dumpMaps(machine, { formatted: false }).maps['big']?.map(({ key }) => key)).toEqual([
      '00 00 00 00',
      '01 00 00 00',
    ]);
    // A small one is listed as a whole.
    expect(dumpMaps(machine).maps['cpus']).toHaveLength(2);
  });

  it.each([1, 2, 3, 4, 5, 7, 8, 12, 16, 33])('of elements of %d bytes', (stride) => {
    for (let seed = 1; seed <= 40; seed++) {
      const bytes = new Uint8Array(stride * 50);
      for (let i = 0; i < seed % 7; i++) bytes[(seed * 7919 * (i + 1)) % bytes.length] = 1 + (seed % 255);
      const expected = Array.from({ length: 50 }, (_, i) => i).filter((i) =>
        bytes.subarray(i * stride, (i + 1) * stride).some((byte) => byte !== 0),
      );
      expect([...nonZeroElements(bytes, stride)], `seed ${seed}`).toEqual(expected);
    }
  });
});

describe('loose JSON', () => {
  it.each([
    ['{ last: 5, tokens: 7 }', { last: 5, tokens: 7 }],
    [
      '[1, -2, 0x1f, 10.0.0.1, true, null, "a b", 18446744073709551615]',
      [1, -2, '0x1f', '10.0.0.1', true, null, 'a b', '18446744073709551615'],
    ],
    ['{"a":{"b":[{}, []]}}', { a: { b: [{}, []] } }],
    ['{a:5,b : "c:d",}', { a: 5, b: 'c:d' }],
    ['"\\u0041"', 'A'],
  ])('%s', (text, value) => {
    expect(parseLooseJson(text)).toEqual(value);
  });

  it.each(['{', '[1 2]', '{a}', '{a: }', '', '"x', '1 2', '[', ']', `${'['.repeat(100)}`])('%j is none', (text) => {
    expect(() => parseLooseJson(text)).toThrow(/expected/);
  });
});

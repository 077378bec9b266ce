import { describe, expect, it } from 'vitest';
import { InputError } from '../base/index.js';
import type { Btf, ObjectSpec } from '../object/index.js';
import { dumpMaps, loadMaps, type MapHolder, parseMapsFile } from './map-json.js';
import { applyMapChange, parseMapsScript, ScriptClock } from './map-script.js';
import { MapBench, mapSpec, u32 } from './maps/testing.js';

interface TestHolder extends MapHolder {
  readonly bench: MapBench;
}

function holder(shapes: readonly Parameters<typeof mapSpec>[0][], cpus = 2, btf?: Btf): TestHolder {
  const bench = new MapBench({ cpus });
  for (const shape of shapes) bench.make(shape);
  const object = { name: 'test.o', programs: [{ name: 'first' }, { name: 'second' }], btf } as unknown as ObjectSpec;
  return { bench, object, maps: bench.maps, cpus };
}

function load(target: MapHolder, maps: unknown): void {
  loadMaps(target, parseMapsFile(JSON.stringify({ maps }), 'maps.json'), 'maps.json');
}

function failure(body: () => void): string {
  try {
    body();
  } catch (error) {
    if (error instanceof InputError) return error.format();
    throw error;
  }
  return 'no error';
}

describe('map files', () => {
  it('take bytes, integers and parts', () => {
    const target = holder([{ type: 'hash', name: 'flows', keySize: 8, valueSize: 8, maxEntries: 10 }]);
    load(target, {
      flows: [
        { key: '0a 00 00 01 00 50 06 00', value: 258 },
        { key: [{ ipv4: '10.0.0.2' }, { be16: 80 }, { u8: 6 }, { pad: 1 }], value: '0x0102' },
        { key: [{ u32: 1 }, { u16: 2 }, { hex: 'ff:00' }], value: '18446744073709551615' },
        { key: [{ mac: '02:00:00:00:00:01' }, { be16: 1 }], value: [{ u64: '1' }] },
      ],
    });
    const text = Object.fromEntries((dumpMaps(target).maps.flows ?? []).map(({ key, value }) => [key, value]));
    expect(text).toEqual({
      '0a 00 00 01 00 50 06 00': '02 01 00 00 00 00 00 00',
      '0a 00 00 02 00 50 06 00': '02 01 00 00 00 00 00 00',
      '01 00 00 00 02 00 ff 00': 'ff ff ff ff ff ff ff ff',
      '02 00 00 00 00 01 00 01': '01 00 00 00 00 00 00 00',
    });
  });

  it('say what is wrong with a text, and how much padding may be', () => {
    const target = holder([{ type: 'hash', name: 'flows', keySize: 4, valueSize: 4, maxEntries: 10 }]);
    const said = (value: unknown): string => failure(() => load(target, { flows: [{ key: 1, value }] }));
    expect(said('0g 00 00 00')).toContain('`0g 00 00 00` is not hex bytes');
    expect(said('0a 00 0')).toContain('`0a 00 0` has 5 hex digits and 4 bytes take 8');
    expect(said([{ pad: 2 ** 22 + 1 }])).toContain('pad of 4194305 bytes');
  });

  it('give a per-CPU value to every CPU or to one', () => {
    const target = holder([{ type: 'percpu_array', name: 'counters' }]);
    load(target, {
      counters: [
        { key: 1, value: 7 },
        { key: 1, value: 9, cpu: 1 },
        { key: 2, values: [1, 2] },
      ],
    });
    expect(target.maps[0]?.lookupElem(u32(1))).toEqual(u32(7, 0, 9, 0));
    expect(target.maps[0]?.lookupElem(u32(2))).toEqual(u32(1, 0, 2, 0));
  });

  it('name programs and maps', () => {
    const target = holder([
      { type: 'prog_array', name: 'jumps' },
      { type: 'array', name: 'inner', maxEntries: 1 },
      { type: 'array_of_maps', name: 'outer', inner: mapSpec({ type: 'array', maxEntries: 1 }) },
      { type: 'devmap', name: 'ports', valueSize: 8 },
    ]);
    load(target, {
      jumps: [{ key: 2, value: { prog: 'second' } }],
      outer: [{ key: 0, value: { map: 'inner' } }],
      ports: [{ key: 3, value: 5 }],
    });
    const { maps } = dumpMaps(target);
    expect(maps.jumps).toEqual([{ key: '02 00 00 00', value: { prog: 'second' } }]);
    expect(maps.outer).toEqual([{ key: '00 00 00 00', value: { map: 'inner' } }]);
    expect(maps.ports).toEqual([{ key: '03 00 00 00', value: '05 00 00 00 00 00 00 00' }]);
  });

  it('are read again as they were written', () => {
    const shapes = [
      { type: 'hash', name: 'a', maxEntries: 9 },
      { type: 'percpu_hash', name: 'b' },
      { type: 'queue', name: 'c', keySize: 0 },
      { type: 'stack', name: 'd', keySize: 0 },
      { type: 'lpm_trie', name: 'e', keySize: 8, flags: 1 },
      { type: 'xskmap', name: 'f' },
      { type: 'ringbuf', name: 'g', keySize: 0, valueSize: 0, maxEntries: 4096 },
    ] as const;
    const first = holder(shapes);
    load(first, {
      a: [
        { key: 1, value: 2 },
        { key: 3, value: 4 },
      ],
      b: [{ key: 1, values: [5, 6] }],
      c: [{ value: 1 }, { value: 2 }],
      d: [{ value: 1 }, { value: 2 }],
      e: [{ key: [{ u32: 24 }, { ipv4: '10.0.0.0' }], value: 1 }],
      f: [{ key: 1, value: 4 }],
    });
    const text = dumpMaps(first);
    const second = holder(shapes);
    load(second, text.maps);
    expect(dumpMaps(second)).toEqual(text);
    expect(text.maps.d?.map(({ value }) => value)).toEqual(['01 00 00 00', '02 00 00 00']);
  });

  it.each([
    [{ flow: [] }, 'there is no map `flow`\nhint: did you mean `flows`?'],
    [
      {
        flows: [
          { key: 1, value: 1 },
          { key: '0011', value: 1 },
        ],
      },
      'map `flows`: entry 1: key: `0011` has 4 hex digits and 4 bytes take 8',
    ],
    [
      { flows: [{ key: 1, value: [{ u16: 1 }] }] },
      'map `flows`: entry 0: value: the parts have 2 bytes and 4 are wanted\nhint: spell padding out',
    ],
    [{ flows: [{ key: 1, value: 4294967296 }] }, 'value: 4294967296 does not fit in 4 bytes'],
    [{ flows: [{ key: 1, value: [{ ipv4: 'fe80::1' }] }] }, '`fe80::1` is not an address of 4 bytes'],
    [{ flows: [{ key: 1, value: [{ ip: 'x' }] }] }, 'there is no part `ip`\nhint: parts are u8,'],
    [{ flows: [{ key: 1, value: { prog: 'third' } }] }, 'there is no program `third`'],
    [{ flows: [{ value: 1 }] }, 'map `flows`: entry 0: it has no key'],
    [{ flows: [{ key: 1, value: 1, cpu: 0 }] }, 'a hash has one value for all CPUs'],
    [
      { flows: [1, 2, 3, 4, 5].map((key) => ({ key, value: 1 })) },
      'entry 4: refused with E2BIG (there is no such element, or the map is full)',
    ],
    [{ counters: [{ key: 1, value: 1, cpu: 2 }] }, 'there is no CPU 2: they are 0 to 1'],
    [{ counters: [{ key: 9, value: 1 }] }, 'map `counters`: entry 0: refused with E2BIG'],
    [{ counters: [{ key: 1, valeu: 1 }] }, 'entry 0 has a field `valeu`'],
    [{ counters: 3 }, 'map `counters`: not a list of entries'],
  ])('are refused with the place: %j', (maps, message) => {
    const target = holder([
      { type: 'hash', name: 'flows' },
      { type: 'percpu_array', name: 'counters' },
    ]);
    const text = failure(() => load(target, maps));
    expect(text).toContain(message);
    expect(text.startsWith('maps.json: ')).toBe(true);
  });

  it('are read as `jitnic map dump -j` prints them', () => {
    const entries = [{ key: '01 00 00 00', value: 7 }];
    const printed = { schema: 'jitnic.map/1', operation: 'dump', maps: [{ name: 'flows', type: 'hash', entries }] };
    expect(parseMapsFile(JSON.stringify(printed))).toEqual({ maps: { flows: entries } });
    expect(failure(() => parseMapsFile('{"maps": [1]}', 'm.json'))).toMatch(/^m\.json: not a map file/);
  });

  it('that are no JSON or no map file say so', () => {
    expect(failure(() => parseMapsFile('{', 'm.json'))).toMatch(/^m\.json: not JSON/);
    expect(failure(() => parseMapsFile('[]', 'm.json'))).toMatch(/^m\.json: not a map file/);
  });
});

describe('map scripts', () => {
  const script = [
    { at: '1.5ms', op: 'update', map: 'flows', key: 1, value: 10 },
    { at: 2_000_000, op: 'delete', map: 'flows', key: 1 },
    { at: { packet: 2 }, op: 'update', map: 'flows', key: 2, value: 20, flags: 'noexist' },
  ];

  it('are an array or an object a line', () => {
    const lines = script.map((change) => JSON.stringify(change)).join('\n\n');
    expect(parseMapsScript(lines)).toEqual(parseMapsScript(JSON.stringify(script)));
  });

  it('come due before the packet that is not earlier', () => {
    const clock = new ScriptClock(parseMapsScript(JSON.stringify(script)));
    const labels = (number: number, ns: bigint): string[] => clock.due(number, ns).map((change) => change.label);
    expect(labels(1, 0n)).toEqual([]);
    expect(labels(2, 1_499_999n)).toEqual(['change 3']);
    expect(labels(3, 1_500_000n)).toEqual(['change 1']);
    expect(clock.left).toBe(1);
    expect(labels(4, 9_000_000n)).toEqual(['change 2']);
    expect(clock.left).toBe(0);
  });

  it('change maps and name the change that a map refuses', () => {
    const target = holder([{ type: 'hash', name: 'flows' }]);
    const [first, second, third] = parseMapsScript(JSON.stringify(script));
    if (first === undefined || second === undefined || third === undefined) throw new Error('three changes');
    applyMapChange(target, first);
    expect(dumpMaps(target).maps.flows).toEqual([{ key: '01 00 00 00', value: '0a 00 00 00' }]);
    applyMapChange(target, second);
    expect(dumpMaps(target).maps.flows).toEqual([]);
    applyMapChange(target, third);
    expect(failure(() => applyMapChange(target, third, 's.json'))).toBe(
      's.json: change 3: map `flows`: refused with EEXIST (the key is there already)',
    );
  });

  it.each([
    [{ at: '5 minutes', op: 'delete', map: 'm', key: 1 }, '`at` is no time'],
    [{ at: { packet: 0 }, op: 'delete', map: 'm', key: 1 }, '`at` is no time'],
    [{ at: 1, op: 'remove', map: 'm' }, '`op` is not `update` or `delete`'],
    [{ at: 1, op: 'delete', map: 'm', key: 1, value: 1 }, 'a deletion has no value'],
    [{ at: 1, op: 'update', map: 'm', key: 1, value: 1, flags: 'new' }, '`flags` is not'],
  ])('refuse %j', (change, message) => {
    expect(failure(() => parseMapsScript(JSON.stringify([change]), 's.json'))).toContain(
      `s.json: change 1: ${message}`,
    );
  });
});

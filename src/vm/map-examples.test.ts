/** The map files of the examples, on their objects. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readObject } from '../object/index.js';
import { Machine } from './machine.js';
import { dumpMaps, loadMaps, parseMapsFile } from './map-json.js';

const examples = new URL('../../examples/', import.meta.url);
const names = readdirSync(examples).filter((name) => existsSync(new URL(`${name}/${name}.maps.json`, examples)));

function machineOf(name: string): Machine {
  const file = new URL(`${name}/${name}.o`, examples);
  return new Machine(readObject(new Uint8Array(readFileSync(file)), { name: `${name}.o` }), { cpus: 2 });
}

describe('map files of the examples', () => {
  it.each(names)('%s: loads, and what is dumped loads into the same maps', (name) => {
    const first = machineOf(name);
    loadMaps(first, parseMapsFile(readFileSync(new URL(`${name}/${name}.maps.json`, examples), 'utf8')));
    const dump = dumpMaps(first);
    const second = machineOf(name);
    const writable = Object.entries(dump.maps).filter(([map]) => !map.startsWith('.rodata'));
    loadMaps(second, parseMapsFile(JSON.stringify({ maps: Object.fromEntries(writable) })));
    for (const [map, entries] of writable) {
      const again = dumpMaps(second, { names: [map] }).maps[map] ?? [];
      const sorted = (list: readonly unknown[]): string[] => list.map((entry) => JSON.stringify(entry)).sort();
      expect(sorted(again)).toEqual(sorted(entries));
    }
  });

  it('shows fields by their names', () => {
    const machine = machineOf('nat');
    loadMaps(machine, parseMapsFile(readFileSync(new URL('nat/nat.maps.json', examples), 'utf8')));
    const [forward] = dumpMaps(machine, { names: ['forwards'] }).maps.forwards ?? [];
    expect(forward).toMatchInlineSnapshot(`
      {
        "formatted": {
          "key": {
            "pad": 0,
            "port": 13568,
            "proto": 17,
          },
          "value": {
            "addr": 889192458,
            "pad": 0,
            "port": 13568,
          },
        },
        "key": "00 35 11 00",
        "value": "0a 00 00 35 00 35 00 00",
      }
    `);
  });
});

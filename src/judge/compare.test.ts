import { describe, expect, it } from 'vitest';
import { mapSpec, type ObjectSpec } from '../object/index.js';
import { comparePackets } from './compare.js';
import { bareObject } from './engines.js';
import { binary, type Contents, type Observation, type Subject } from './subject.js';

const map = mapSpec({ name: 'counts', type: 'hash', keySize: 1, valueSize: 1, maxEntries: 4 });
const object: ObjectSpec = { ...bareObject([]), maps: [map] };
const plain: Observation = { verdict: 2, data: Uint8Array.of(1, 2, 3), meta: new Uint8Array(0), outputs: [] };
const entry = (key: number, value: number): readonly [string, string] => [
  binary(Uint8Array.of(key)),
  binary(Uint8Array.of(value)),
];

function subject(name: string, observation: Partial<Observation> = {}, contents: Contents = []): Subject {
  return {
    name,
    run: () => ({ ...plain, ...observation }),
    translate: (_spec, value) => value,
    update: () => 0,
    remove: () => 0,
    contents: () => contents,
    drain: () => [],
    close: () => {},
  };
}

const compare = (b: Partial<Observation>, contents: Contents = []): string | undefined =>
  comparePackets(object, subject('a'), subject('b', b, contents), [{ data: plain.data }]).difference?.what;

describe('comparing two subjects', () => {
  it('finds nothing where nothing differs, and counts verdicts', () => {
    const packets = [{ data: plain.data }, { data: plain.data }];
    const result = comparePackets(object, subject('a'), subject('b'), packets);
    expect(result).toEqual({ packets: 2, difference: undefined, verdicts: new Map([[2, 2]]) });
  });

  it.each([
    ['the verdict', { verdict: 1 }, 'verdict: a 2, b 1'],
    ['the length', { data: Uint8Array.of(1, 2) }, 'packet length: a 3, b 2'],
    ['a byte', { data: Uint8Array.of(1, 9, 3) }, 'packet byte 1: a 2, b 9'],
    ['the metadata', { meta: Uint8Array.of(0xab, 0, 0, 0) }, 'metadata: a none, b ab000000'],
    ['a record', { outputs: ['events: 01'] }, 'output: a none, b events: 01'],
    ['that one stopped', { stopped: 'a fault' }, 'stopped: a no, b a fault'],
  ] as const)('names %s', (_, observation, what) => {
    expect(compare(observation)).toBe(what);
  });

  it('does not look at the packet of two that were both stopped', () => {
    const stopped = (name: string, verdict: number): Subject => subject(name, { verdict, stopped: name });
    expect(comparePackets(object, stopped('a', 1), stopped('b', 2), [{ data: plain.data }]).difference).toBeUndefined();
  });

  it('names the map and the key', () => {
    expect(compare({}, [entry(7, 0x22)])).toBe('map `counts`, key 07: a has none, b 22');
    const both = comparePackets(object, subject('a', {}, [entry(7, 1)]), subject('b', {}, [entry(7, 2)]), [plain]);
    expect(both.difference).toEqual({ packet: 0, what: 'map `counts`, key 07: a 01, b 02' });
  });
});

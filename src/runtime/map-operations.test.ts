import { describe, expect, it } from 'vitest';
import { exampleNames, openExample } from '../../test/support/examples.js';
import { generateBatches, packetAt } from '../packet/index.js';
import { MapLog, type MapOp } from '../vm/index.js';
import { loadMaps } from '../vm/map-json.js';
import { Runtime } from './runtime.js';
import type { RuntimeOptions } from './runtime-options.js';

/** What changed maps, as text; a card looks up more than a program does, for packets that miss. */
const changes = (ops: readonly MapOp[]): string[] =>
  ops
    .filter(({ kind }) => kind !== 'lookup')
    .map((op) => JSON.stringify(op, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value)));

/** Runs the example's program over generated packets, and says what changed its maps. */
function changesOf(name: string, options: RuntimeOptions): { readonly hits: number; readonly changes: string[] } {
  const { object, maps, main } = openExample(name);
  const runtime = new Runtime(object, main, options);
  const { machine } = runtime;
  if (maps !== undefined) loadMaps(machine, maps.contents, maps.file);
  const log = MapLog.open(machine);
  for (const batch of generateBatches({ seed: 5, packets: 60, flows: 5 }))
    for (let i = 0; i < batch.count; i++) {
      const { data, time } = packetAt(batch, i);
      runtime.run({ data, now: time });
    }
  log.close();
  return { hits: runtime.hits, changes: changes(log.ops) };
}

describe.each(exampleNames)('%s', (name) => {
  const host = changesOf(name, { card: false });

  it('does the same operations to its maps on card and host, in the same order', () => {
    const card = changesOf(name, { compiled: false, limits: { joins: false } });
    expect(card.hits).toBeGreaterThan(0);
    expect(card.changes).toEqual(host.changes);
  });

  it('does besides nothing but write what is there, where sides of a branch are joined', () => {
    const card = changesOf(name, { compiled: false });
    expect(card.hits).toBeGreaterThan(0);
    let next = 0;
    const besides = card.changes.filter((change) => {
      if (change !== host.changes[next]) return true;
      next++;
      return false;
    });
    expect(next).toBe(host.changes.length);
    expect(besides.filter((change) => !change.startsWith('{"kind":"write"'))).toEqual([]);
  });
});

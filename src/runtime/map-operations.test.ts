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

describe.each(exampleNames)('%s', (name) => {
  it('does the same operations to its maps on card and host, in the same order', () => {
    const { object, maps, main } = openExample(name);
    const logs = [{ card: false }, { compiled: false }].map((options: RuntimeOptions) => {
      const runtime = new Runtime(object, main, options);
      const { machine } = runtime;
      if (maps !== undefined) loadMaps(machine, maps.contents, maps.file);
      const log = MapLog.open(machine);
      for (const batch of generateBatches({ seed: 5, packets: 150, flows: 8 }))
        for (let i = 0; i < batch.count; i++) {
          const { data, time } = packetAt(batch, i);
          runtime.run({ data, now: time });
        }
      log.close();
      return { hits: runtime.hits, changes: changes(log.ops) };
    });
    const [host, card] = logs;
    expect(card?.hits).toBeGreaterThan(0);
    expect(card?.changes).toEqual(host?.changes);
  });
});

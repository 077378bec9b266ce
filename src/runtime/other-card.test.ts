import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { LinearCard } from '../nic/testing.js';
import { generateBatches, packetAt } from '../packet/index.js';
import { dumpMaps } from '../vm/index.js';
import { loadMaps } from '../vm/map-json.js';
import { Runtime } from './runtime.js';

describe.each(['firewall', 'load-balancer', 'token-bucket'])('%s on a card of another kind', (name) => {
  it('does to packets and maps what it does without a card', () => {
    const { object, maps } = openExample(name);
    const [program] = object.programs;
    if (program === undefined) throw new Error('no program');
    const alone = new Runtime(object, program, { card: false });
    const other = new Runtime(object, program, { makeCard: ({ machine }) => new LinearCard(machine, 6) });
    for (const { machine } of [alone, other]) if (maps !== undefined) loadMaps(machine, maps.contents, maps.file);
    for (const batch of generateBatches({ seed: 4, packets: 200, flows: 10 }))
      for (let i = 0; i < batch.count; i++) {
        const { data, time } = packetAt(batch, i);
        const { verdict } = other.run({ data, now: time });
        expect(alone.run({ data, now: time }).verdict, `packet ${i}`).toBe(verdict);
        expect(other.machine.lane.packet.bytes(), `packet ${i}`).toEqual(alone.machine.lane.packet.bytes());
      }
    expect(dumpMaps(other.machine)).toEqual(dumpMaps(alone.machine));
    expect(other.hits).toBeGreaterThan(20);
    // One place is for the newcomer that another has to make room for.
    expect(other.cache?.size).toBe(5);
  });
});

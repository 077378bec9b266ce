import { describe, expect, it } from 'vitest';
import { rounds } from '../../../test/support/effort.js';
import { exampleNames, openExample } from '../../../test/support/examples.js';
import { assemble } from '../../object/index.js';
import { generateTraffic, Prng } from '../../packet/index.js';
import { loadMaps } from '../../vm/map-json.js';
import { judgeSmallPrograms } from './brute-force.js';
import { ConditionTrial } from './trial.js';

describe('path conditions of small programs, beside every packet', () => {
  it('are the path: no packet too many, none too few, no bit mentioned that is free, no part that the rest implies', () => {
    const tally = judgeSmallPrograms(1000, rounds(20));
    expect(tally.examples).toEqual([]);
    expect(tally).toMatchObject({ unsound: 0, narrow: 0, freeBits: 0, redundantParts: 0, aborts: 0 });
    expect(tally.cases).toBeGreaterThan(25_000);
  });
});

describe.each(exampleNames)('path conditions of %s, with its maps', (name) => {
  it('hold for packets that take the path and for no others, whatever is changed', () => {
    const { object, main, maps } = openExample(name);
    const trial = new ConditionTrial(object, main, new Prng(3), { traces: 8, cases: rounds(1500) });
    if (maps !== undefined) loadMaps(trial.machine, maps.contents, maps.file);
    const traffic = generateTraffic({ seed: 11, packets: 60, malformed: 0.1, vlan: 0.1, sizes: '7:64,4:90,1:200' });
    for (const packet of traffic) {
      trial.packet({ data: packet.data.slice(), now: packet.time });
      if (trial.done) break;
    }
    expect(trial.tally.examples).toEqual([]);
    expect(trial.tally.held).toBeGreaterThan(700);
    expect(trial.tally.led).toBeGreaterThan(150);
  });
});

describe('the trial itself', () => {
  it('counts a packet that takes the path although the trace, specialised on a length, leaves it', () => {
    const object = assemble(
      ['r2 = *(u32 *)(r1 + 0)', 'r3 = *(u32 *)(r1 + 4)', 'r0 = r3', 'r0 -= r2', 'r0 &= 1', 'exit'].join('\n'),
    );
    const [program] = object.programs;
    if (program === undefined) throw new Error('no program');
    const trial = new ConditionTrial(object, program, new Prng(1), { traces: 1, cases: 500 });
    trial.packet({ data: new Uint8Array(20) });
    // The verdict is the length's lowest bit.
    expect(trial.tally).toMatchObject({ traces: 1, faults: 0 });
    expect(trial.tally.held).toBeGreaterThan(150);
  });
});

/** What is said to be written by no program, against what programs write when they run. */

import { describe, expect, it } from 'vitest';
import { mayBeWritten } from '../../src/code/index.js';
import { generatePrograms } from '../../src/judge/fuzz/generate.js';
import { programObject } from '../../src/judge/fuzz/program-object.js';
import { seedMaps } from '../../src/judge/seed-maps.js';
import type { ObjectSpec, ProgramSpec } from '../../src/object/index.js';
import { generateTraffic, Prng } from '../../src/packet/index.js';
import { Session } from '../../src/runtime/index.js';
import { Verdicts } from '../../src/verifier/index.js';
import { type BpfMap, loadMaps } from '../../src/vm/index.js';
import { rounds } from '../support/effort.js';
import { exampleNames, openExample } from '../support/examples.js';

const textOf = (map: BpfMap): string =>
  [...map.entries()].map(({ key, value }) => `${key.join(' ')}: ${value.join(' ')}`).join('\n');

interface Tally {
  /** Names of maps that changed though nothing writes them. */
  readonly wrong: string[];
  changed: number;
  kept: number;
}

/** Runs packets and notes which maps have changed in the end or at some moment that was looked at. */
function run(
  object: ObjectSpec,
  program: ProgramSpec,
  seed: number,
  packets: number,
  tally: Tally,
  fill: (session: Session) => void,
): void {
  const session = new Session(object, program, { card: false, maxSteps: 200_000, cpus: 1 });
  fill(session);
  const { maps } = session.runtime.machine;
  const before = maps.map(textOf);
  const changed = new Set<number>();
  let i = 0;
  for (const packet of generateTraffic({ seed, packets, flows: 12, popularity: { zipf: 1 }, malformed: 0.05 })) {
    session.run(packet);
    if (++i % 8 !== 0) continue;
    for (const [index, map] of maps.entries())
      if (!changed.has(index) && textOf(map) !== before[index]) changed.add(index);
  }
  for (const [index, map] of maps.entries()) {
    const isWritten = mayBeWritten(object, index);
    if (changed.has(index)) tally.changed++;
    if (!isWritten) tally.kept++;
    if (changed.has(index) && !isWritten) tally.wrong.push(`seed ${seed}: ${map.spec.name}`);
  }
}

describe('maps that no program writes', () => {
  it('stay as they are while generated programs run', () => {
    const tally: Tally = { wrong: [], changed: 0, kept: 0 };
    let accepted = 0;
    const programs = rounds(30);
    for (let seed = 1; seed <= programs; seed++) {
      const object = programObject(generatePrograms(new Prng(seed)), `fuzz-${seed}`);
      const { programs } = object;
      if (!Verdicts.of(object).accepts(...programs)) continue;
      accepted++;
      run(object, programs[0] as ProgramSpec, seed, 40, tally, ({ runtime: { machine } }) => {
        const update = (index: number, key: Uint8Array, value: Uint8Array): number =>
          machine.maps[index]?.updateElem(key, value) ?? 0;
        expect(seedMaps(object, [{ name: 'interpreter', update }], seed, 1, [])).toEqual([]);
      });
    }
    expect(tally.wrong).toEqual([]);
    // Not for want of programs, of writes, or of maps that are left alone.
    expect(accepted).toBeGreaterThan(0.8 * programs);
    expect(tally.changed).toBeGreaterThan(0.2 * programs);
    expect(tally.kept).toBeGreaterThan(0.2 * programs);
  });

  it.each(exampleNames)('stay as they are while %s runs', (name) => {
    const { object, main, maps } = openExample(name);
    const tally: Tally = { wrong: [], changed: 0, kept: 0 };
    run(object, main, 3, 200, tally, ({ runtime: { machine } }) => {
      if (maps !== undefined) loadMaps(machine, maps.contents, maps.file);
    });
    expect(tally.wrong).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { runEngineBeside } from '../nic/beside.js';
import { compileManycore, ManycoreEngine, manycoreOptimizationNames, shippedCard } from '../nic/index.js';
import { generateTraffic } from '../packet/index.js';
import { generatedObject } from './agreement-cases.js';

const packets = [...generateTraffic({ seed: 5, packets: 8, flows: 4, malformed: 0.2 })];

describe('generated programs on the cores of a card', () => {
  const card = shippedCard('nfp4000');
  /** Without any optimization, with all, and with all but each. */
  const sets = [
    [],
    [...manycoreOptimizationNames],
    ...manycoreOptimizationNames.map((name) => manycoreOptimizationNames.filter((other) => other !== name)),
  ];

  it('do what they do in the interpreter', () => {
    if (card === undefined) throw new Error('the card is not shipped');
    let ran = 0;
    for (let seed = 1; seed <= 45; seed++) {
      const object = generatedObject(seed);
      const [program] = object.programs;
      const isRefused = object.programs.some(({ insns }) => compileManycore(insns).kind === 'refused');
      if (program === undefined || isRefused) continue;
      const optimizations = new Set(sets[ran % sets.length]);
      const { difference } = runEngineBeside(
        object,
        program.name,
        packets,
        (machine) => new ManycoreEngine(machine, card, { optimizations }),
        { whole: false },
      );
      expect(
        difference,
        `seed ${seed}, without ${manycoreOptimizationNames.filter((name) => !optimizations.has(name))}`,
      ).toBe(undefined);
      ran++;
    }
    // Callbacks and kernel functions are refused; of what is left each set has had some.
    expect(ran).toBeGreaterThanOrEqual(2 * sets.length);
  });
});

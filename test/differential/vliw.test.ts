/** Programs of the generator as rows of the VLIW core, against the interpreter. */
import { describe, expect, it } from 'vitest';
import { generatePrograms } from '../../src/judge/fuzz/generate.js';
import { programObject } from '../../src/judge/fuzz/program-object.js';
import { hxdp } from '../../src/nic/cards/hxdp.js';
import { compileProgram } from '../../src/nic/vliw/compile.js';
import { faultsOfRows, runBeside } from '../../src/nic/vliw/testing.js';
import { generateTraffic, Prng } from '../../src/packet/index.js';
import { Verdicts } from '../../src/verifier/index.js';
import { rounds } from '../support/effort.js';

const count = rounds(10);
const packets = [...generateTraffic({ seed: 9, packets: 24, flows: 6, malformed: 0.2 })];

describe('generated programs', () => {
  it('do on the core what they do in the interpreter', () => {
    let ran = 0;
    const wrong: string[] = [];
    // Seed 100: a register was taken for zero although what had zeroed it was no longer there.
    for (const seed of [100, ...Array.from({ length: count }, (_, i) => i + 1)]) {
      const object = programObject(generatePrograms(new Prng(seed)), `fuzz-${seed}`);
      const [main] = object.programs;
      if (main === undefined || !Verdicts.of(object).accepts(...object.programs)) continue;
      if (object.programs.some(({ insns }) => compileProgram(insns, { lanes: 4 }).kind === 'refused')) continue;
      ran++;
      const made = compileProgram(main.insns, { lanes: 4 });
      if (made.kind === 'compiled') for (const fault of faultsOfRows(made, true)) wrong.push(`seed ${seed}: ${fault}`);
      const { difference } = runBeside(object, main.name, packets, hxdp, { lanes: 4 });
      if (difference !== undefined) wrong.push(`seed ${seed}: ${difference.slice(0, 300)}`);
    }
    expect(wrong).toEqual([]);
    expect(ran).toBeGreaterThan(count / 5);
  });
});

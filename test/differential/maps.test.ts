/**
 * jitnic's maps against the running kernel's, operation by operation. Needs bpf(2) and a kernel with two possible
 * CPUs; reported as skipped elsewhere.
 *
 * What the kernel answers is kept in test/golden/maps.json: JITNIC_RECORD=1 writes it anew, and
 * test/golden/maps.test.ts compares jitnic with it anywhere.
 */
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { Bpf, possibleCpus } from '../../src/linux/index.js';
import { digest, type Recording } from './map-recording.js';
import { kernelTarget, modelTarget, runScenario } from './map-scenario.js';
import { generatedScenarios, handScenarios, scenarioCpus } from './map-scenarios.js';

const bpf = possibleCpus() === scenarioCpus ? Bpf.tryOpen() : undefined;

describe.skipIf(bpf === undefined)('maps agree with the running kernel', () => {
  const kernel = bpf as Bpf;
  const seeds = [1, 2, 3];
  const recording: Recording = { kernel: release(), cpus: scenarioCpus, results: {} };
  afterAll(() => {
    if (process.env.JITNIC_RECORD !== '1') return;
    writeFileSync(new URL('../golden/maps.json', import.meta.url), `${JSON.stringify(recording, undefined, 2)}\n`);
  });
  for (const scenario of [...handScenarios(), ...seeds.flatMap(generatedScenarios)]) {
    it(scenario.name, () => {
      const theirs = runScenario(kernelTarget(kernel, scenario.map, scenarioCpus), scenario);
      recording.results[scenario.name] ??= digest(theirs);
      const ours = runScenario(modelTarget(scenario.map, scenarioCpus), scenario);
      const at = theirs.findIndex((result, i) => JSON.stringify(result) !== JSON.stringify(ours[i]));
      const note = at < 0 ? '' : `operation ${at}: ${JSON.stringify(scenario.ops[at])}`;
      expect({ note, result: ours[at] }).toEqual({ note: '', result: theirs[at] });
    });
  }
});

/** jitnic's maps against what a Linux 6.18 with two CPUs answered (recorded by test/differential/maps.test.ts). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { digest, type Recording } from '../differential/map-recording.js';
import { modelTarget, runScenario } from '../differential/map-scenario.js';
import { generatedScenarios, handScenarios, scenarioCpus } from '../differential/map-scenarios.js';

const recording = JSON.parse(readFileSync(new URL('maps.json', import.meta.url), 'utf8')) as Recording;

describe(`maps answer as Linux ${recording.kernel} did`, () => {
  for (const scenario of [...handScenarios(), ...generatedScenarios(1)]) {
    it(scenario.name, () => {
      const ours = runScenario(modelTarget(scenario.map, scenarioCpus), scenario);
      expect(digest(ours)).toEqual(recording.results[scenario.name]);
    });
  }
});

/**
 * How many instructions a verification takes: as many as the running kernel's, since states are saved, compared and
 * dropped by the same rules. A rule that is another shows in the number of some program. Linux 6.18's rules are wanted.
 */
import { release } from 'node:os';
import { describe, expect, test } from 'vitest';
import { generatedObject, objectCases } from '../../src/judge/index.js';
import { Bpf, KernelObject, possibleCpus } from '../../src/linux/index.js';
import type { ObjectSpec, ProgramSpec } from '../../src/object/index.js';
import { verify } from '../../src/verifier/index.js';
import { openExample } from '../support/examples.js';

const bpf = release().startsWith('6.18.') ? Bpf.tryOpen() : undefined;

function kernelInsns(object: ObjectSpec, program: ProgramSpec): number {
  const kernel = KernelObject.load(bpf as Bpf, object, { programs: [] }); // there is one here
  try {
    const { log } = kernel.loadProgram(program, { logLevel: 4 });
    return Number(/processed (\d+) insns/.exec(log)?.[1]);
  } finally {
    kernel.close();
  }
}

function ourInsns({ maps, btf, kernelBtf, license }: ObjectSpec, program: ProgramSpec): number {
  const options = { btf, kernelBtf, license, logLevel: 0, cpus: possibleCpus() } as const;
  return verify(program, maps, options).stats.insns;
}

describe.skipIf(bpf === undefined)('instructions checked', () => {
  // Slots that one path reads and another leaves; slots that a frame does not have; branches on spilled numbers.
  test.each(['lpm-router', 'nat', 'port-knocking', 'token-bucket'])('%s', (name) => {
    const { object } = openExample(name);
    for (const program of object.programs) expect(ourInsns(object, program)).toBe(kernelInsns(object, program));
  });

  // Numbers of which fewer bytes were spilled, functions verified one after the other, needs that reach an argument,
  // buffers that helpers fill.
  test.each([11, 27, 35, 57, 58, 66, 105, 165])('generated program %i', (seed) => {
    for (const { program, object, skipped } of objectCases(generatedObject(seed), 'generated')) {
      if (skipped !== undefined) continue;
      expect(ourInsns(object, program), program.name).toBe(kernelInsns(object, program));
    }
  });
});

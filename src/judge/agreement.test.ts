import { describe, expect, it } from 'vitest';
import { Bpf, possibleCpus } from '../linux/index.js';
import { assemble } from '../object/index.js';
import { compareVerdicts, isOnPurpose } from './agreement.js';
import { objectCases } from './agreement-cases.js';

const bpf = Bpf.tryOpen();

/** The two verdicts on a program; where there is no kernel, it is said to load. */
function compared(code: string, kernel: Bpf | undefined): ReturnType<typeof compareVerdicts> {
  const [item] = objectCases(assemble(`.license "GPL"\n.section xdp\n.globl prog\nprog:\n${code}\n`));
  if (item === undefined) throw new Error('the text holds no program');
  return compareVerdicts({ ...item, expected: true }, kernel);
}

describe('verdicts side by side', () => {
  it('tell what is refused on purpose from what only happens to be', () => {
    const kernelObject = compared('call get_current_task_btf\nr0 = *(u32 *)(r0 + 24)\nr0 = 0\nexit', undefined);
    const mistake = compared('r0 = r9\nexit', undefined);
    expect([kernelObject, mistake].map(({ outcome }) => outcome)).toEqual(['stricter', 'stricter']);
    expect([kernelObject, mistake].map(isOnPurpose)).toEqual([true, false]);
  });

  it.skipIf(bpf === undefined)('know the CPUs that the kernel has', () => {
    const code = `call get_smp_processor_id\nif r0 < ${possibleCpus()} goto +1\nr0 = r9\nr0 = 0\nexit`;
    expect(compared(code, bpf).outcome).toBe('same');
    expect(compared(code, undefined).outcome).toBe('stricter');
  });
});

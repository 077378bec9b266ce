/**
 * The verifier's log beside the running kernel's, line by line, on the kernel's own verifier tests
 * (`JITNIC_VERIFIER_TESTS`). What Linux 6.18 writes is what is wanted; other kernels word some lines otherwise.
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { describe, expect, test } from 'vitest';
import { differingLines, readAgreementLines, verifierLogs } from '../../src/judge/index.js';
import { Bpf, possibleCpus } from '../../src/linux/index.js';

const file = process.env['JITNIC_VERIFIER_TESTS'];
const bpf = release().startsWith('6.18.') ? Bpf.tryOpen() : undefined;

describe.skipIf(file === undefined || bpf === undefined)("the log of the kernel's verifier tests", () => {
  test('is the same in all but what is not judged alike', () => {
    const cases = readAgreementLines(readFileSync(file as string, 'utf8'), file as string); // it is set here
    let compared = 0;
    const differ: string[] = [];
    for (const item of cases) {
      if (compared === 300) break;
      const logs = verifierLogs(bpf as Bpf, item, possibleCpus()); // there is one here
      if (logs === undefined) continue;
      compared++;
      const [first] = differingLines(logs);
      if (first !== undefined) differ.push(`${item.name}: ${first.join(' | ')}`);
    }
    expect(compared).toBe(300);
    expect(differ).toEqual([]);
  });
});

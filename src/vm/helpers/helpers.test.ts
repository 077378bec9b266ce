import { expect, it } from 'vitest';
import { helperNames, helperRow, isMissingHelper, kfuncNumber, kfuncRow, walkSteps } from '../../platform/index.js';
import { engineHelper, findHelper, helperRefusal } from './index.js';

it('each row of the helper table has an implementation or says what is lacking, and nothing else has one', () => {
  for (const [number, name] of helperNames.entries()) {
    const row = helperRow(number);
    const isHere = row !== undefined && row.lacks === undefined;
    expect([name, findHelper(number) !== undefined]).toEqual([name, isHere]);
    if (isHere || number === 0) continue;
    const refusal = isMissingHelper(number) ? 'is not supported' : 'program of this type cannot use';
    expect(helperRefusal(number)).toContain(refusal);
  }
});

it('kfuncs are called by number as helpers are; steps of a walk only by engines', () => {
  for (const name of ['bpf_iter_num_new', 'bpf_iter_num_next', 'bpf_iter_num_destroy']) {
    expect(kfuncRow(name)).toBeDefined();
    expect(findHelper(kfuncNumber(name) ?? 0)).toBeDefined();
  }
  for (const { number } of walkSteps) {
    expect(findHelper(number)).toBeUndefined();
    expect(engineHelper(number)).toBeDefined();
  }
});

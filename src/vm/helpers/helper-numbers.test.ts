import { expect, it } from 'vitest';
import { kfuncNumber, walkHelper } from '../../platform/index.js';

it('kfuncs, steps of walks and helpers of Linux have numbers of their own', () => {
  const steps = new Set<number>(Object.values(walkHelper));
  for (const name of ['bpf_iter_num_new', 'bpf_iter_num_next', 'bpf_iter_num_destroy']) {
    const number = kfuncNumber(name) ?? 0;
    expect(number).toBeGreaterThan(0xffff);
    expect(steps.has(number)).toBe(false);
  }
});

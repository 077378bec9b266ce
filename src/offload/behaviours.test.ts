import { describe, expect, it } from 'vitest';
import { behaviours } from './behaviours.js';

describe('behaviours of test_offload.py', () => {
  for (const { name, run } of behaviours) if (typeof run !== 'string') it(name, () => expect(run).not.toThrow());

  it('leaves out what needs namespaces, classic BPF or two threads', () => {
    expect(behaviours.filter(({ run }) => typeof run === 'string').map(({ name }) => name)).toEqual([
      'Test TC cBPF bytcode tries offload by default',
      'Test if netdev removal waits for translation',
      'Test bpftool bound info reporting (other ns)',
      'Test bpftool bound info reporting (remote ns)',
      'Test bpftool bound info reporting (back to own ns)',
    ]);
  });
});

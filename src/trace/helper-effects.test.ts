import { describe, expect, it } from 'vitest';
import { helperId, kfuncNumber } from '../platform/index.js';
import { helperEffects } from './helper-effects.js';

describe('memory that a call answers with', () => {
  const known = (number: number | undefined): number | undefined => helperEffects.get(number ?? -1)?.returnsMemory;

  it.each([
    ['bpf_ringbuf_reserve', helperId.ringbuf_reserve],
    ['bpf_dynptr_data', helperId.dynptr_data],
    ['bpf_dynptr_slice', kfuncNumber('bpf_dynptr_slice')],
    ['bpf_dynptr_slice_rdwr', kfuncNumber('bpf_dynptr_slice_rdwr')],
  ])('has no byte that is sure to be there, since its length is an argument: %s', (_, number) => {
    expect(known(number)).toBe(0);
  });

  it('is as long as a connection, of a look-up of one', () => {
    expect(known(kfuncNumber('bpf_xdp_ct_lookup'))).toBeGreaterThan(0);
  });

  it('is none, of a call that answers with a number or an element', () => {
    expect(known(helperId.map_lookup_elem)).toBeUndefined();
    expect(known(helperId.get_prandom_u32)).toBeUndefined();
    expect(known(kfuncNumber('bpf_dynptr_size'))).toBeUndefined();
  });
});

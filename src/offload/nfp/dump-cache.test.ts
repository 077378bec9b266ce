import { describe, expect, it } from 'vitest';
import { OffloadKernel } from '../kernel.js';

const key = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0);
const value = (first: number): Uint8Array => Uint8Array.of(first, 0, 0, 0, 0, 0, 0, 0);

/** A hash of ten elements on a card, and how much time has passed, in nanoseconds. */
function walked(off: readonly 'multi_entry'[] = []): {
  kernel: OffloadKernel;
  time: { now: bigint };
  walk: () => number[];
} {
  const time = { now: 0n };
  const kernel = new OffloadKernel(undefined, undefined, () => time.now);
  kernel.addDevice({ name: 'nic', card: 'nfp4000', off });
  const spec = {
    name: 'm',
    type: 'hash' as const,
    keySize: 4,
    valueSize: 8,
    maxEntries: 16,
    flags: 0,
    init: undefined,
  };
  kernel.createMap(spec, 'nicp0', 'm');
  for (let i = 0; i < 10; i++) kernel.update({ id: 1 }, key(i), value(i), 0);
  /** As bpftool dumps: the next key, then its value. */
  const walk = (): number[] => {
    const found: number[] = [];
    for (let at: Uint8Array | undefined; ; ) {
      try {
        at = kernel.next({ id: 1 }, at);
      } catch {
        return found;
      }
      found.push(kernel.lookup({ id: 1 }, at)[0] ?? -1);
    }
  };
  return { kernel, time, walk };
}
const all = Array.from({ length: 10 }, (_, i) => i);

describe("the driver's cache of elements", () => {
  it('takes four entries a message, and one where the firmware has no more', () => {
    const { kernel, walk } = walked();
    // The first counts the ten updates. Entries 0 to 3, 4 to 7, 8 and 9, and the end.
    expect([walk(), kernel.messagesOf(1)]).toEqual([all, 10 + 4]);
    const single = walked(['multi_entry']);
    expect([single.walk(), single.kernel.messagesOf(1)]).toEqual([all, 10 + 11]);
  });

  it('is good for 250 microseconds, and until something is written', () => {
    const { kernel, time } = walked();
    kernel.next({ id: 1 }, undefined);
    const before = kernel.messagesOf(1);
    const look = (): number => {
      kernel.lookup({ id: 1 }, key(2));
      return kernel.messagesOf(1) - before;
    };
    time.now = 250_000n;
    expect(look()).toBe(0);
    time.now = 250_001n;
    expect(look()).toBe(1);
    kernel.next({ id: 1 }, undefined);
    expect(look()).toBe(2);
    kernel.update({ id: 1 }, key(9), value(9), 0);
    expect(look()).toBe(4);
  });

  it('shows late what packets changed, never what the control plane did', () => {
    const { kernel, time } = walked();
    kernel.next({ id: 1 }, undefined);
    // As a program on the card would: beside the driver.
    kernel.model.records.put('elem/1/02000000', { slot: 2, value: '6300000000000000' });
    expect(kernel.lookup({ id: 1 }, key(2))[0]).toBe(2);
    time.now = 250_001n;
    expect(kernel.lookup({ id: 1 }, key(2))[0]).toBe(0x63);
    kernel.next({ id: 1 }, undefined);
    kernel.update({ id: 1 }, key(2), value(7), 0);
    expect(kernel.lookup({ id: 1 }, key(2))[0]).toBe(7);
  });
});

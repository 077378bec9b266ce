import { describe, expect, it } from 'vitest';
import { capabilityNames, encodeCapabilities, noCapabilities, parseCapabilities, without } from './capabilities.js';
import { firmwareCapabilities } from './nfp/firmware.js';

const words = (...values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return bytes;
};

describe('capabilities as the firmware gives them', () => {
  it('come back as they were written, whatever is switched off', () => {
    for (const off of [[], ...capabilityNames.map((name) => [name]), [...capabilityNames]]) {
      const has = without(firmwareCapabilities, off);
      expect(parseCapabilities(encodeCapabilities(has))).toEqual({ capabilities: has, log: [] });
    }
  });

  it('an empty list is the first version of the interface', () => {
    expect(parseCapabilities(new Uint8Array(0)).capabilities).toEqual(noCapabilities);
  });

  it('types that nobody knows, and functions that no helper is, are skipped', () => {
    expect(parseCapabilities(words(99, 4, 7, 1, 8, 9999, 16))).toEqual({ capabilities: noCapabilities, log: [] });
  });

  it.each([
    [words(1, 4, 1), 'truncated function TLV: 4', 12],
    [words(2, 16, 1, 0, 0, 0), 'truncated adjust_head TLV: 16', 24],
    [words(3, 20, 6, 1, 1, 1, 1), 'truncated maps TLV: 20', 28],
    [words(7, 0), 'truncated ABI version TLV: 0', 8],
    [words(2, 20, 1, 9, 8, 0, 0), 'invalid adjust_head TLV: min > max', 28],
  ])('a list of %j is refused: %s', (bytes, text, offset) => {
    expect(parseCapabilities(bytes)).toEqual({
      capabilities: undefined,
      log: [text, `invalid BPF capabilities at offset:${offset}`],
    });
  });

  it('a list that ends in the middle is refused', () => {
    expect(parseCapabilities(words(4, 0, 5)).log).toEqual([
      'BPF capabilities left after parsing, parsed:8 total length:12',
      'invalid BPF capabilities at offset:8',
    ]);
    expect(parseCapabilities(words(4, 8, 5)).log).toEqual(['invalid BPF capabilities at offset:16']);
  });

  it('bounds that are no immediates switch adjust_head off; an unknown version switches the card off', () => {
    const head = parseCapabilities(words(2, 20, 1, 0, 256, 0, 0));
    expect(head.capabilities?.adjustHead.offMax).toBe(0);
    expect(head.log).toEqual(['disabling adjust_head - driver expects min/max to fit in as immediates']);
    const abi = parseCapabilities(words(7, 4, 4));
    expect(abi.capabilities?.abiVersion).toBe(0);
    expect(abi.log).toEqual(['unsupported BPF ABI version: 4']);
  });
});

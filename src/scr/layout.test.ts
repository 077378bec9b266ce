import { describe, expect, test } from 'vitest';
import { addedBytes, coresThatFit, itemOffset, maxXdpFrame, type ScrLayout, writeFrame } from './layout.js';

const layout = (over: Partial<ScrLayout> = {}): ScrLayout => ({
  dummyHeaderBytes: 14,
  numberBytes: 0,
  metadataBytes: 4,
  cores: 3,
  fields: [],
  presence: { kind: 'header' },
  clock: undefined,
  ...over,
});

describe('the wire format', () => {
  test('adds to packets what the paper says, at 14 cores', () => {
    const added = [6, 21, 25, 8, 30].map((metadataBytes) => addedBytes(layout({ metadataBytes, cores: 14 })));
    expect(added).toEqual([92, 287, 339, 118, 404]);
  });

  test('has header, number, history oldest first, packet', () => {
    const history = [Uint8Array.of(1, 2, 3, 4), undefined];
    const head = { lane: 2, time: 7n, number: 0x1_0000_0005 };
    const frame = writeFrame(layout({ numberBytes: 4 }), head, history, Uint8Array.of(9, 9));
    expect([...frame]).toEqual([
      ...[2, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x88, 0xb5],
      ...[5, 0, 0, 0],
      ...[1, 2, 3, 4, 0, 0, 0, 0],
      ...[9, 9],
    ]);
  });

  test('has the packet’s own time in the header where the program asks for time', () => {
    const timed = layout({ presence: { kind: 'item', bit: 0 }, clock: { bit: 1, bits: 31 } });
    const frame = writeFrame(timed, { lane: 0, time: 0x0102_0304_0506_0708n, number: 0 }, [], new Uint8Array(0));
    expect([...frame.subarray(4, 12)]).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect(itemOffset(timed, 1)).toBe(18);
  });

  test('says how many cores fit', () => {
    const cores = coresThatFit(layout({ metadataBytes: 112 }));
    expect(addedBytes(layout({ metadataBytes: 112, cores })) + 1514).toBeLessThanOrEqual(maxXdpFrame);
    expect(addedBytes(layout({ metadataBytes: 112, cores: cores + 1 })) + 1514).toBeGreaterThan(maxXdpFrame);
    expect(coresThatFit(layout(), 1514)).toBe(0);
  });
});

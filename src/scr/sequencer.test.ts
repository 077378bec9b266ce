import { describe, expect, it } from 'vitest';
import { shippedCard } from '../nic/index.js';
import { generateTraffic } from '../packet/index.js';
import { addedBytes, itemOffset } from './layout.js';
import {
  HistorySequencer,
  headerItemBytes,
  headerItems,
  headerLayout,
  packetsInReach,
  type TimedPacket,
} from './sequencer-batch.js';
import { plainLayout, sequencerFigures } from './sequencer-stage.js';

const packets = [...generateTraffic({ packets: 40, flows: 5, protocols: { tcp: 1 }, ipv6: 0 })].map(
  ({ data, time }) => ({
    data: data.slice(),
    time,
  }),
);

describe('captures with history', () => {
  const layout = headerLayout(4, true);
  const sequencer = new HistorySequencer(layout, headerItems);
  const frames = packets.map(({ data, time }) => sequencer.next(data, time));

  it('go round the cores, each packet whole behind what was added', () => {
    expect(frames.map(({ core }) => core).slice(0, 6)).toEqual([0, 1, 2, 3, 0, 1]);
    for (const [i, { frame }] of frames.entries()) expect(frame.subarray(addedBytes(layout))).toEqual(packets[i]?.data);
  });

  it('carry the three packets before, oldest first, and the number', () => {
    const { frame } = frames[20] ?? { frame: new Uint8Array() };
    for (let i = 0; i < 3; i++) {
      const before = packets[17 + i];
      const at = itemOffset(layout, i);
      const item = frame.subarray(at, at + headerItemBytes);
      expect(item).toEqual(headerItems.item(before?.data ?? new Uint8Array(), before?.time ?? 0n));
      expect(item.subarray(0, 8)).toEqual(before?.data.subarray(26, 34));
    }
    expect(new DataView(frame.buffer).getUint32(14, true)).toBe(20);
  });

  it('say nothing of what is not IPv4, and do so in the header', () => {
    const first = frames[1]?.frame ?? new Uint8Array();
    // Of the first packets only those that there were are present: item 2 is the newest.
    expect(new DataView(first.buffer).getBigUint64(4, true)).toBe(4n);
    expect(headerItems.item(new Uint8Array(60), 0n)).toBeUndefined();
  });
});

describe('the stage of a card', () => {
  const card = shippedCard('pipeline');
  if (card === undefined) throw new Error('no card');

  it.each([
    [6, 92],
    [21, 287],
    [25, 339],
    [8, 118],
    [30, 404],
  ])('%d B an item are %d B in front of a packet for 14 cores', (metadata, added) => {
    expect(sequencerFigures(card, plainLayout(metadata, 14), 60).added).toBe(added);
  });

  it('takes whole rows of 112 bits, of which it has 128', () => {
    expect(sequencerFigures(card, plainLayout(14, 128), 60)).toMatchObject({ rows: 127, rowsThere: 128 });
    expect(sequencerFigures(card, plainLayout(15, 65), 60)).toMatchObject({ rows: 128, mostCores: 65 });
  });

  it('is as fast as the slowest of stage, wire and bus', () => {
    const { line, stage, wire, pcie } = sequencerFigures(card, plainLayout(30, 14), 60);
    expect(line).toBe(Math.min(stage, wire, pcie));
    expect(wire).toBeCloseTo(100_000 / 8 / (60 + 404 + 4 + 20), 6);
  });
});

describe('a pause longer than the bits of the clock', () => {
  const layout = { ...headerLayout(3, false), clock: { bit: 0, bits: 42 } };
  const second = 1_000_000_000n;
  const at = (...seconds: number[]): TimedPacket[] =>
    seconds.map((time) => ({ data: new Uint8Array(60), time: BigInt(time) * second }));

  it('ends what can be compared, at the first packet whose history is from before it', () => {
    expect(packetsInReach(layout, at(0, 1, 2, 4000))).toBe(4);
    expect(packetsInReach(layout, at(0, 1, 2, 4400, 4401))).toBe(3);
    expect(packetsInReach({ ...layout, clock: undefined }, at(0, 1, 2, 4400, 4401))).toBe(5);
  });

  it('is counted by frames, until the history is younger again', () => {
    const sequencer = new HistorySequencer(layout, headerItems);
    for (const { data, time } of at(0, 1, 2, 4400, 4401, 4402, 4403)) sequencer.next(data, time);
    expect(sequencer.stale).toBe(2);
  });
});

import { describe, expect, it } from 'vitest';
import { headroom } from '../platform/index.js';
import { Machine } from './machine.js';
import { PacketArena } from './packet-arena.js';
import { columnsOf } from './packet-columns.js';
import { record } from './packet-record.js';
import { readRedirect } from './redirect.js';
import { callHelper, objectSpec } from './testing.js';

const machineOf = (): Machine => new Machine(objectSpec([]));
const four = columnsOf([64, 64, 64, 64]);

describe('an arena of packets with headroom and tailroom', () => {
  it('takes as many as its frames have room for', () => {
    // A page and a line each.
    const arena = new PacketArena(machineOf(), { moves: 'tail', frameBytes: 3 * (4096 + 64) });
    expect(arena.add(four, 0, 4, 0)).toBe(3);
    arena.clear();
    expect(arena.add(four, 0, 4, 0)).toBe(3);
  });

  it('tells the longest packet that it takes, and takes it', () => {
    const arena = new PacketArena(machineOf(), { moves: 'tail', frameBytes: 65_536, windowBytes: 65_536 });
    // 256 bytes before it, 320 behind it and a line.
    expect(arena.longest).toBe(65_536 - 640);
    expect(arena.add(columnsOf([arena.longest + 1]), 0, 1, 0)).toBe(0);
    expect(arena.add(columnsOf([arena.longest]), 0, 1, 0)).toBe(1);
  });

  it('begins each packet with a headroom of zeros, whatever was there before', () => {
    const machine = machineOf();
    const arena = new PacketArena(machine, { moves: 'tail', frameBytes: 16_384 });
    const room = (): Uint8Array => {
      const data = machine.memory.load32(arena.recordOf(1) + record.data);
      return machine.memory.u8.subarray(data - headroom, data);
    };
    arena.add(four, 0, 2, 0);
    room().fill(255);
    arena.clear();
    arena.add(four, 0, 2, 0);
    expect(room().every((byte) => byte === 0)).toBe(true);
  });

  it('takes back what a packet became in the machine’s buffer, its redirect too', () => {
    const machine = machineOf();
    const arena = new PacketArena(machine, { moves: 'tail' });
    arena.load(Uint8Array.from({ length: 256 }, (_, i) => i));
    arena.add(four, 0, 4, 0);
    arena.toBuffer(1);
    // xdp_adjust_head by -2, then redirect to interface 7.
    callHelper(machine, 44, [machine.lane.ctx.start, -2]);
    machine.memory.store8(machine.lane.packet.data, 9);
    callHelper(machine, 23, [7, 0]);
    arena.fromBuffer(1, 4);
    expect([arena.verdict(1), arena.bytes(1).length]).toEqual([4, 66]);
    expect([...arena.bytes(1).subarray(0, 4)]).toEqual([9, 0, 64, 65]);
    expect([...arena.bytes(2).subarray(0, 2)]).toEqual([128, 129]);
    expect(readRedirect(arena.redirect(1))).toEqual({ kind: 'interface', ifindex: 7 });
    expect(readRedirect(arena.redirect(2))).toBeUndefined();
  });
});

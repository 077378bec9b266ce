/**
 * Expected values marked "measured" are what Linux 6.18 (x86-64) answered in BPF_PROG_TEST_RUN to the same sequence of
 * calls on the same packet.
 */
import { describe, expect, it } from 'vitest';
import { kfuncNumber } from '../../platform/index.js';
import { Machine } from '../machine.js';
import { buffer, callHelper, mapSpec, objectSpec } from '../testing.js';

const head = 44;
const meta = 54;
const tail = 65;
const length = 188;
const load = 189;
const store = 190;

function machineWith(data: Uint8Array, frags = false): Machine {
  const machine = new Machine(
    objectSpec([], [mapSpec('dev', 'devmap'), mapSpec('xsk', 'xskmap'), mapSpec('cpu', 'cpumap', { maxEntries: 1 })]),
  );
  machine.setPacket({ data, frags, ingressIfindex: 1 });
  return machine;
}

const ramp = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => i * 7 + (i >> 8));

describe('a linear frame', () => {
  it('moves its bounds exactly as far as Linux lets it (measured)', () => {
    const machine = machineWith(new Uint8Array(64));
    const ctx = machine.lane.ctx.start;
    const steps: readonly [number, number, number][] = [
      [head, -216, 0],
      [head, -1, -22],
      [head, 216, 0],
      [head, 64 - 14 + 1, -22],
      [tail, 4096 - 256 - 320 - 64, 0],
      [tail, 1, -22],
      [length, 0, 3520],
      [tail, -(3520 - 64), 0],
      [tail, -51, -22],
      [meta, -252, -22],
      [meta, -216, 0],
      [meta, -3, -22],
      [meta, -4, -22],
      [meta, -36, -22],
      [meta, 44, 0],
    ];
    expect(steps.map(([id, offset]) => Number(callHelper(machine, id, [ctx, offset])))).toEqual(
      steps.map(([, , result]) => result),
    );
  });

  it('clears the tail that it grows, and moves metadata along with the head', () => {
    const machine = machineWith(ramp(64));
    const ctx = machine.lane.ctx.start;
    callHelper(machine, tail, [ctx, -10]);
    callHelper(machine, tail, [ctx, 10]);
    expect(machine.lane.packet.bytes().subarray(54)).toEqual(new Uint8Array(10));
    callHelper(machine, meta, [ctx, -4]);
    machine.memory.write(machine.lane.packet.dataMeta, Uint8Array.of(1, 2, 3, 4));
    callHelper(machine, head, [ctx, -8]);
    expect(machine.lane.packet.metaBytes()).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(machine.lane.packet.bytes().length).toBe(72);
  });

  it('refuses metadata that is no whole number of words with EACCES', () => {
    const machine = machineWith(new Uint8Array(64));
    expect(callHelper(machine, meta, [machine.lane.ctx.start, -3])).toBe(-13n);
  });

  it('opens exactly the packet to the program', () => {
    const machine = machineWith(new Uint8Array(64));
    const { data } = machine.lane.packet;
    expect(machine.memory.canRead(data, 64)).toBe(true);
    expect(machine.memory.canRead(data, 65)).toBe(false);
    expect(machine.memory.canRead(data - 1, 1)).toBe(false);
    expect([machine.memory.canWrite(data, 64), machine.memory.canWrite(data - 1, 1)]).toEqual([true, false]);
    callHelper(machine, head, [machine.lane.ctx.start, -4]);
    expect(machine.memory.canWrite(data - 4, 68)).toBe(true);
  });

  it('is longer than a page when a program without frags gets a long packet', () => {
    const machine = machineWith(ramp(9000));
    expect(machine.lane.packet.dataEnd - machine.lane.packet.data).toBe(9000);
    expect(callHelper(machine, tail, [machine.lane.ctx.start, 1])).toBe(-22n);
  });
});

describe('a frame in fragments', () => {
  it('follows Linux through growing, shrinking and moving (measured)', () => {
    const machine = machineWith(ramp(9000), true);
    const ctx = machine.lane.ctx.start;
    const linear = (): number => machine.lane.packet.dataEnd - machine.lane.packet.data;
    const change = (id: number, offset: number): number => Number(callHelper(machine, id, [ctx, offset]));
    expect([machine.lane.packet.length, linear()]).toEqual([9000, 3520]);
    expect([change(tail, 2713), change(tail, 2712), machine.lane.packet.length]).toEqual([-22, 0, 11712]);
    expect([change(tail, -5000), machine.lane.packet.length]).toEqual([0, 6712]);
    expect([change(tail, 100), machine.lane.packet.length]).toEqual([0, 6812]);
    expect([change(head, 100), machine.lane.packet.length]).toEqual([0, 6712]);
    expect([change(head, 3500), linear()]).toEqual([-22, 3420]);
    expect([change(tail, -100000), change(tail, -4000), linear(), machine.lane.packet.length]).toEqual([
      -22, 0, 2712, 2712,
    ]);
    expect([change(tail, 700), machine.lane.packet.length, change(meta, -32), change(head, 20)]).toEqual([
      0, 3412, 0, 0,
    ]);
    expect(machine.lane.packet.metaBytes().length).toBe(32);
  });

  it('is linear up to where a program pulls it', () => {
    const machine = machineWith(ramp(9000), true);
    const pull = (length: number): number =>
      Number(callHelper(machine, kfuncNumber('bpf_xdp_pull_data') ?? 0, [machine.lane.ctx.start, length]));
    const linear = (): number => machine.lane.packet.dataEnd - machine.lane.packet.data;
    expect([pull(3000), linear(), pull(3521), linear(), pull(20_000)]).toEqual([0, 3520, 0, 3521, -22]);
    expect(machine.lane.packet.bytes()).toEqual(ramp(9000));
  });

  it('reads and writes across fragments', () => {
    const data = ramp(9000);
    const machine = machineWith(data, true);
    const ctx = machine.lane.ctx.start;
    const at = buffer(machine, 64);
    expect(callHelper(machine, load, [ctx, 3500, at, 64])).toBe(0n);
    expect(machine.memory.read(at, 64)).toEqual(data.subarray(3500, 3564));
    expect(callHelper(machine, store, [ctx, 7600, buffer(machine, Uint8Array.of(9, 8, 7)), 3])).toBe(0n);
    data.set([9, 8, 7], 7600);
    expect(machine.lane.packet.bytes()).toEqual(data);
  });
});

describe('loads and stores by helper', () => {
  it('answer EINVAL past the packet and EFAULT past 64 KiB (measured)', () => {
    const machine = machineWith(new Uint8Array(64));
    const ctx = machine.lane.ctx.start;
    const at = buffer(machine, 64);
    expect([0, 51, 0x10000, 50].map((offset) => Number(callHelper(machine, load, [ctx, offset, at, 14])))).toEqual([
      0, -22, -14, 0,
    ]);
  });

  it('stop the packet when the buffer is not the program’s', () => {
    const machine = machineWith(new Uint8Array(64));
    const at = buffer(machine, 8);
    expect(() => callHelper(machine, load, [machine.lane.ctx.start, 0, at, 9])).toThrow('helper');
    expect(() => callHelper(machine, load, [0, 0, at, 8])).toThrow('helper');
  });
});

describe('redirects', () => {
  it('answer with the action that Linux does (measured)', () => {
    const machine = machineWith(new Uint8Array(64));
    const [dev, xsk, cpu] = machine.maps.map((map) => map.handle);
    const redirect = (flags: number): number => Number(callHelper(machine, 23, [5, flags]));
    const toMap = (map: number | undefined, key: number, flags: number): number =>
      Number(callHelper(machine, 51, [map ?? 0, key, flags]));
    expect([redirect(0), redirect(1)]).toEqual([4, 0]);
    expect([toMap(dev, 1, 2), toMap(dev, 9, 3), toMap(dev, 1, 8), toMap(dev, 1, 0x20)]).toEqual([2, 3, 4, 0]);
    expect([toMap(xsk, 1, 2), toMap(xsk, 1, 8), toMap(cpu, 0, 1)]).toEqual([2, 0, 1]);
  });

  it('tell where the packet goes, broadcasts without the ingress interface', () => {
    const machine = machineWith(new Uint8Array(64));
    const [dev] = machine.maps;
    expect(machine.redirect).toBeUndefined();
    callHelper(machine, 23, [5, 0]);
    expect(machine.redirect).toEqual({ kind: 'interface', ifindex: 5 });
    for (const [slot, ifindex] of [
      [0, 7],
      [1, 1],
      [3, 9],
    ] as const) {
      dev?.updateElem(Uint8Array.of(slot, 0, 0, 0), Uint8Array.of(ifindex, 0, 0, 0));
    }
    callHelper(machine, 51, [dev?.handle ?? 0, 3, 0]);
    expect(machine.redirect).toEqual({ kind: 'devmap', map: 'dev', key: 3, ifindexes: [9] });
    // The slot may be emptied before the packet leaves.
    dev?.deleteElem(Uint8Array.of(3, 0, 0, 0));
    expect(machine.redirect).toEqual({ kind: 'devmap', map: 'dev', key: 3, ifindexes: [0] });
    dev?.updateElem(Uint8Array.of(3, 0, 0, 0), Uint8Array.of(9, 0, 0, 0));
    callHelper(machine, 51, [dev?.handle ?? 0, 0, 8 | 16]);
    expect(machine.redirect).toEqual({ kind: 'devmap', map: 'dev', key: 0, ifindexes: [7, 9] });
  });
});

describe('a transaction', () => {
  it('restores packet, bounds, redirect and outputs', () => {
    const machine = machineWith(ramp(64));
    const before = machine.lane.packet.bytes();
    machine.transaction.begin();
    callHelper(machine, head, [machine.lane.ctx.start, 14]);
    callHelper(machine, tail, [machine.lane.ctx.start, 100]);
    machine.memory.store32(machine.lane.packet.data, 0xffffffff);
    callHelper(machine, 23, [5, 0]);
    const random = callHelper(machine, 7, []);
    machine.lane.emitted.push({ kind: 'printk', text: 'x' });
    machine.transaction.rollback();
    expect(machine.lane.packet.bytes()).toEqual(before);
    expect(machine.lane.packet.region.hi - machine.lane.packet.region.lo).toBe(64);
    expect(machine.redirect).toBeUndefined();
    expect(machine.outputs).toEqual([]);
    expect(callHelper(machine, 7, [])).toBe(random);
  });
});

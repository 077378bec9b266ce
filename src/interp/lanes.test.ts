import { describe, expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { dumpMaps, loadMaps, Machine, MapStore, parseMapsFile } from '../vm/index.js';
import { Interpreter } from './index.js';

/** Adds the packet's first byte to a sum, keeps the sum on the stack across a call, and returns the byte. */
const program = `
	.license "GPL"
	.map sums type=array key=4 value=8 max_entries=1 flags=0x0

	.section xdp
	.globl main
	.type main, @function
main:
	r6 = *(u32 *)(r1 + 0)
	r7 = *(u32 *)(r1 + 4)
	r0 = 0
	r2 = r6
	r2 += 14
	if r2 > r7 goto out
	r8 = *(u8 *)(r6 + 0)
	*(u32 *)(r10 - 4) = 0
	*(u64 *)(r10 - 16) = r8
	r1 = sums ll
	r2 = r10
	r2 += -4
	call 0x1
	if r0 == 0 goto out
	r1 = *(u64 *)(r10 - 16)
	lock *(u64 *)(r0 + 0) += r1
	*(u8 *)(r6 + 1) = r8
	r0 = r1
out:
	exit
`;

const packet = (byte: number): Uint8Array => new Uint8Array(20).fill(byte, 0, 1);
const sum = (machine: Machine): Uint8Array | number | undefined => machine.maps[0]?.lookupElem(new Uint8Array(4));

describe('a machine is maps, a lane and a transaction', () => {
  it('a packet comes with what the program reads in its context', () => {
    const input = { data: packet(0), ingressIfindex: 3, rxQueueIndex: 5, egressIfindex: 7 };
    const read = (at: number): number => {
      const machine = new Machine(assemble(`.section xdp\n.globl f\nf:\nr0 = *(u32 *)(r1 + ${at})\nexit\n`));
      machine.setPacket(input);
      return new Interpreter(machine).run(machine.programs[0] as Machine['programs'][number]).verdict;
    };
    expect([12, 16, 20].map(read)).toEqual([3, 5, 7]);
    expect(read(4) - read(0)).toBe(20);
  });

  it('two packets are under way over the same maps, each in its lane', () => {
    const first = new Machine(assemble(program), { packets: 2 });
    const second = first.beside();
    expect(second.store).toBe(first.store);
    expect(() => second.beside()).toThrow('there is no such lane');
    const [main] = first.programs;
    if (main === undefined) throw new Error('no program');
    const [one, other] = [new Interpreter(first), new Interpreter(second)];
    first.setPacket({ data: packet(3), now: 1n });
    let ran = 0;
    one.observer = {
      // In the midst of the first packet, with values of it on its stack.
      before: (_, pc) => {
        if (pc !== 12 || ran++ > 0) return;
        second.setPacket({ data: packet(5), now: 2n });
        expect(other.run(main)).toMatchObject({ verdict: 5, trap: undefined });
      },
    };
    expect(one.run(main)).toMatchObject({ verdict: 3, trap: undefined });
    expect(ran).toBe(1);
    expect([first.lane.packet.bytes()[1], second.lane.packet.bytes()[1]]).toEqual([3, 5]);
    expect([first.lane.now, second.lane.now]).toEqual([1n, 2n]);
    expect(sum(first)).toEqual(new Uint8Array([8, 0, 0, 0, 0, 0, 0, 0]));
  });

  it('a transaction is over one lane and the maps, and there is one at a time', () => {
    const first = new Machine(assemble(program), { packets: 2 });
    const second = first.beside();
    const [main] = first.programs;
    if (main === undefined) throw new Error('no program');
    second.setPacket({ data: packet(9) });
    first.setPacket({ data: packet(3) });
    first.transaction.begin();
    expect(() => second.transaction.begin()).toThrow('a transaction is already open');
    expect(() => second.transaction.commit()).toThrow('no transaction is open');
    new Interpreter(first).run(main);
    first.transaction.rollback();
    expect(sum(first)).toEqual(new Uint8Array(8));
    expect(first.lane.packet.bytes()).toEqual(packet(3));
    expect(second.lane.packet.bytes()).toEqual(packet(9));
  });

  it('maps need no machine', () => {
    const object = assemble(program);
    const file = parseMapsFile('{ "maps": { "sums": [{ "key": 0, "value": 7 }] } }');
    const store = new MapStore(object);
    const machine = new Machine(object);
    for (const holder of [store, machine]) loadMaps(holder, file);
    expect(dumpMaps(store)).toEqual(dumpMaps(machine));
    // No page is taken by a packet, a stack or a program.
    expect(store.memory.regions.every(({ kind }) => kind === 'map' || kind === 'map value')).toBe(true);
  });
});

/** What a search over packets and maps finds in programs whose paths can be counted by hand. */
import { describe, expect, it } from 'vitest';
import { assemble, type ObjectSpec } from '../object/index.js';
import { Machine } from '../vm/index.js';
import { StateSearch } from './state-search.js';
import { countWays } from './way-count.js';

/** A program of one section; `body` has the packet in r7 with 14 bytes that are there. */
function program(maps: string, body: string): ObjectSpec {
  return assemble(`
	.license "GPL"
${maps}
	.section xdp
	.globl main
main:
	r6 = r1
	r7 = *(u32 *)(r1 + 0)
	r8 = *(u32 *)(r1 + 4)
	r1 = r7
	r1 += 14
	if r1 > r8 goto short
${body}
short:
	r0 = 1
	exit
`);
}

function search(
  object: ObjectSpec,
  options: { varyMaps?: boolean; fill?: (machine: Machine) => void } = {},
): StateSearch {
  const [machine, again] = [new Machine(object), new Machine(object)] as const;
  for (const each of [machine, again]) options.fill?.(each);
  const [loaded] = machine.programs;
  if (loaded === undefined) throw new Error('no program');
  const arrival = { cpu: 0, egressIfindex: 0, frags: false };
  const found = new StateSearch(machine, again, loaded, { arrival, varyMaps: options.varyMaps ?? true, seed: 1 });
  found.add({
    packet: new Uint8Array(60),
    now: 0n,
    ifindex: 1,
    metadata: new Uint8Array(0),
    entries: [],
    absent: [],
    full: [],
  });
  found.explore(2000);
  return found;
}

/** How often each verdict is that of a path. */
function verdicts({ found }: StateSearch): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { verdict } of found) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

const hash = '	.map flows type=hash key=4 value=8 max_entries=8';

/** Puts an element into `flows`; r0 says whether there was room. */
const update = `
	*(u64 *)(r10 - 8) = 7
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -8
	r1 = flows ll
	r4 = 0
	call bpf_map_update_elem`;

/** Looks up the packet's first four bytes in `flows`; r0 is the value, or 0. */
const lookup = `
	r1 = *(u32 *)(r7 + 0)
	*(u32 *)(r10 - 4) = r1
	r2 = r10
	r2 += -4
	r1 = flows ll
	call bpf_map_lookup_elem`;

/** `main` calls what stands at some indexes of its program array, one after the other; `other` may stand there. */
function tailCalls(indexes: readonly number[]): ObjectSpec {
  const calls = indexes.map((index) => `r1 = r6\nr2 = jumps ll\nr3 = ${index}\ncall bpf_tail_call\n`);
  return assemble(`
	.license "GPL"
	.map jumps type=prog_array key=4 value=4 max_entries=2
	.section xdp
	.globl main
main:
	r6 = r1
	${calls.join('')}
	r0 = 1
	exit
	.section xdp
	.globl other
other:
	r0 = 3
	exit
`);
}

describe('a search over packets and maps', () => {
  it('puts an element there, and finds the value that it has to have', () => {
    const object = program(
      hash,
      `${lookup}
	if r0 == 0 goto short
	r1 = *(u64 *)(r0 + 0)
	r2 = 0x1122334455667788 ll
	if r1 != r2 goto short
	r0 = 2
	exit`,
    );
    const done = search(object);
    // Too short, not found, found with another value, found with this one.
    expect(verdicts(done)).toEqual({ 1: 3, 2: 1 });
    expect(done.isDone).toBe(true);
    const { start } = done.found.find(({ verdict }) => verdict === 2) as (typeof done.found)[number];
    expect(start.entries).toEqual([
      {
        map: 0,
        key: start.packet.slice(0, 4),
        value: Uint8Array.of(0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11),
      },
    ]);
  });

  it('follows a chain: the value of one element is the key of the next', () => {
    const object = program(
      `${hash}
	.map names type=hash key=8 value=4 max_entries=8`,
      `${lookup}
	if r0 == 0 goto short
	r2 = r0
	r1 = names ll
	call bpf_map_lookup_elem
	if r0 == 0 goto short
	r1 = *(u32 *)(r0 + 0)
	if r1 != 7 goto short
	r0 = 3
	exit`,
    );
    const done = search(object);
    expect(verdicts(done)).toEqual({ 1: 4, 3: 1 });
    const { start } = done.found.find(({ verdict }) => verdict === 3) as (typeof done.found)[number];
    const [flow, name] = start.entries;
    expect(name?.key).toEqual(flow?.value);
    expect(name?.value).toEqual(Uint8Array.of(7, 0, 0, 0));
  });

  it('compares the clock with what an element remembers', () => {
    const object = program(
      hash,
      `${lookup}
	if r0 == 0 goto short
	r9 = r0
	call bpf_ktime_get_ns
	r1 = *(u64 *)(r9 + 0)
	r0 -= r1
	r2 = 30000000000 ll
	if r0 <= r2 goto short
	r0 = 2
	exit`,
    );
    expect(verdicts(search(object))).toEqual({ 1: 3, 2: 1 });
  });

  it('knows what a compare-and-swap sees: nobody comes between it and the load before it', () => {
    const swap = (expected: string): ObjectSpec =>
      program(
        hash,
        `${lookup}
	if r0 == 0 goto short
	r9 = r0
	r1 = *(u64 *)(r9 + 0)
	r8 = ${expected}
	r0 = r8
	r2 = *(u8 *)(r7 + 5)
	r0 = cmpxchg_64(r9 + 0, r0, r2)
	if r0 != r8 goto lost
	r1 = *(u64 *)(r9 + 0)
	if r1 == 200 goto stored
	r0 = 2
	exit
lost:
	r0 = 3
	exit
stored:
	r0 = 4
	exit`,
      );
    // Compared with what was loaded it stores always, and what it stored is the packet's byte.
    const loaded = search(swap('r1'));
    expect(verdicts(loaded)).toEqual({ 1: 2, 2: 1, 4: 1 });
    const [main] = swap('r1').programs;
    if (main === undefined) throw new Error('no program');
    const count = countWays(main, 0, loaded.ways, loaded.refutedWays, undefined);
    expect([count.refuted.length, count.missed.length]).toEqual([1, 0]);
    // Compared with a byte of the packet it stores or not.
    expect(verdicts(search(swap('*(u8 *)(r7 + 6)')))).toEqual({ 1: 2, 2: 1, 3: 1, 4: 1 });
  });

  it('knows an element that the program made itself, and one that it took away', () => {
    const object = program(
      hash,
      `
	r1 = *(u32 *)(r7 + 0)
	*(u32 *)(r10 - 4) = r1
	r1 = *(u8 *)(r7 + 4)
	*(u64 *)(r10 - 16) = r1
	r1 = flows ll
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -16
	r4 = 1
	call bpf_map_update_elem
	if r0 != 0 goto there
	r1 = flows ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto never
	r1 = *(u64 *)(r0 + 0)
	if r1 != 99 goto short
	r0 = 2
	exit
there:
	r1 = flows ll
	r2 = r10
	r2 += -4
	call bpf_map_delete_elem
	if r0 != 0 goto never
	r0 = 3
	exit
never:
	r0 = 0
	exit`,
    );
    // BPF_NOEXIST: it was there (3), it was not and is 99 (2) or something else.
    // And where the table is full, no element could be made (0).
    expect(verdicts(search(object))).toEqual({ 0: 1, 1: 2, 2: 1, 3: 1 });
  });

  it('goes on where a program calls another, and where there is none to call', () => {
    const object = tailCalls([1]);
    // Nothing to call; itself, until Linux's limit ends it; the other.
    expect(verdicts(search(object))).toEqual({ 1: 2, 3: 1 });
  });

  it('takes away what the object brings: a program array need not hold what it was made with', () => {
    const object = tailCalls([0, 1]);
    const init = { kind: 'programs', slots: new Map([[0, 'other']]) } as const;
    const found = search({ ...object, maps: object.maps.map((map) => ({ ...map, init })) });
    // With the first: the other, or itself until the limit. Without it: the second, which is made, or nothing.
    const starts = found.found.map(({ start: { absent, entries }, verdict }) => [
      verdict,
      absent.map(({ key }) => key[0]),
      entries.map(({ key, value }) => [key[0], value[0]]),
    ]);
    expect(starts).toContainEqual([3, [], []]);
    expect(starts).toContainEqual([1, [0], []]);
    expect(starts).toContainEqual([3, [0], [[1, 2]]]);
    expect(found.isDone).toBe(true);
  });

  it('finds a divisor of what a counter becomes, without a circuit for the division', () => {
    const object = program(
      `${hash}
	.map rates type=array key=4 value=8 max_entries=1`,
      `${lookup}
	if r0 == 0 goto short
	r9 = *(u64 *)(r0 + 0)
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = rates ll
	call bpf_map_lookup_elem
	if r0 == 0 goto short
	r1 = *(u64 *)(r0 + 0)
	if r1 < 1000 goto short
	r9 += 1
	r9 %= r1
	if r9 != 0 goto short
	r0 = 2
	exit`,
    );
    expect(verdicts(search(object))[2]).toBe(1);
  });

  it('leaves maps as they are where it is told to, and asks for the keys that they have', () => {
    const object = program(
      hash,
      `${lookup}
	if r0 == 0 goto short
	r1 = *(u64 *)(r0 + 0)
	if r1 == 5 goto short
	r0 = 2
	exit`,
    );
    const fill = (machine: Machine): void => {
      machine.maps[0]?.updateElem(Uint8Array.of(10, 0, 0, 1), Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0));
    };
    const done = search(object, { varyMaps: false, fill });
    expect(verdicts(done)).toEqual({ 1: 2, 2: 1 });
    for (const { start, verdict } of done.found) {
      expect(start.entries).toEqual([]);
      if (verdict === 2) expect([...start.packet.slice(0, 4)]).toEqual([10, 0, 0, 1]);
    }
  });

  it('turns the sign, the width and the order of bytes of a comparison', () => {
    const object = program(
      '',
      `
	r1 = *(u16 *)(r7 + 0)
	r1 = be16 r1
	if r1 != 0x1234 goto short
	r2 = *(s8 *)(r7 + 2)
	if r2 s>= -3 goto short
	w3 = *(u32 *)(r7 + 4)
	w3 *= 3
	if w3 != 0x9000003 goto short
	r0 = 2
	exit`,
    );
    const done = search(object);
    expect(verdicts(done)).toEqual({ 1: 4, 2: 1 });
    expect(done.unsure).toBe(0);
  });

  it('tells ways that no start can go from ways that it could not try', () => {
    const [pc, of] = [
      (object: ObjectSpec, imm: number): number =>
        object.programs[0]?.insns.findIndex((insn) => (insn.code & 7) === 5 && insn.imm === imm) ?? -1,
      (object: ObjectSpec): ReturnType<typeof countWays> => {
        const done = search(object);
        done.settle();
        const [main] = object.programs;
        if (main === undefined) throw new Error('no program');
        return countWays(main, 0, done.ways, done.refutedWays, undefined);
      },
    ];
    const impossible = program(
      '',
      `
	r1 = *(u8 *)(r7 + 0)
	r1 &= 7
	if r1 > 77 goto odd
	r0 = 2
	exit
odd:
	r2 = *(u8 *)(r7 + 1)
	if r2 == 78 goto short
	r0 = 3
	exit`,
    );
    const count = of(impossible);
    expect(count.missed).toEqual([]);
    // The jump to `odd`, and both ways of the jump that only it leads to.
    expect(count.refuted.map((way) => [way.pc, way.isTaken])).toEqual([
      [pc(impossible, 77), true],
      [pc(impossible, 78), false],
      [pc(impossible, 78), true],
    ]);
    // What a random number is, no start decides.
    const random = program('', '\tcall bpf_get_prandom_u32\n\tif r0 == 79 goto short\n\tr0 = 2\n\texit');
    expect(of(random).missed).toEqual([{ program: 0, pc: pc(random, 79), isTaken: true }]);
  });

  it('varies the metadata before a packet where the program looks for some', () => {
    const found = search(
      assemble(`
.license "GPL"
.section xdp
.globl prog
prog:
	r6 = r1
	w0 = 1
	r2 = *(u32 *)(r6 + 8)
	r3 = *(u32 *)(r6 + 0)
	r4 = r2
	r4 += 4
	if r4 > r3 goto none
	w0 = 2
	r5 = *(u32 *)(r2 + 0)
	if r5 == 77 goto out
	w0 = 3
	goto out
none:
	r1 = r6
	w2 = -4
	call bpf_xdp_adjust_meta
	w0 = 1
out:
	exit
`),
    );
    expect(verdicts(found)).toEqual({ 1: 1, 2: 1, 3: 1 });
    expect(found.found.find(({ verdict }) => verdict === 2)?.start.metadata[0]).toBe(77);
  });

  it('fills ring buffers and tables where the program asks for room', () => {
    const ring = search(
      assemble(`
.license "GPL"
.map events type=ringbuf max_entries=4096
.section xdp
.globl prog
prog:
	r1 = events ll
	r2 = 8
	r3 = 0
	call bpf_ringbuf_reserve
	if r0 == 0 goto full
	r1 = r0
	r2 = 0
	call bpf_ringbuf_discard
	r0 = 2
	exit
full:
	r0 = 1
	exit
`),
    );
    expect(verdicts(ring)).toEqual({ 1: 1, 2: 1 });
    expect(ring.found.map(({ start }) => start.full)).toEqual([[], [0]]);
    const table = search(
      assemble(`
.license "GPL"
${hash}
.section xdp
.globl prog
prog:
${update}
	w1 = w0
	r0 = 2
	if w1 == 0 goto out
	r0 = 1
out:
	exit
`),
    );
    expect(verdicts(table)).toEqual({ 1: 1, 2: 1 });
    expect(table.found.find(({ verdict }) => verdict === 1)?.start.full).toEqual([0]);
  });

  it('asks a table of constants for the element that it wants', () => {
    // The state is what a table says of the packet's first byte; one byte of 256 leads to state 3, and then to a drop.
    const bytes = Array.from({ length: 256 }, (_, i) => (i === 77 ? 3 : i % 3));
    const found = search(
      assemble(`
.license "GPL"
.section xdp
.globl prog
prog:
	r7 = *(u32 *)(r1 + 0)
	r8 = *(u32 *)(r1 + 4)
	r0 = 2
	r1 = r7
	r1 += 14
	if r1 > r8 goto out
	r2 = *(u8 *)(r7 + 0)
	r1 = states ll
	r1 += r2
	r3 = *(u8 *)(r1 + 0)
	if r3 != 3 goto out
	r0 = 1
out:
	exit
.section .rodata
states: .byte ${bytes.join(', ')}
`),
    );
    expect(verdicts(found)).toEqual({ 1: 1, 2: 2 });
    expect(found.found.find(({ verdict }) => verdict === 1)?.start.packet[0]).toBe(77);
    expect(found.refutedWays.size).toBe(0);
  });

  it('asks for other elements of what can change, too, where the one that it had is in the way', () => {
    // Of eight elements that the object brings the sixth alone is 9.
    const found = search(
      assemble(`
.license "GPL"
.section xdp
.globl prog
prog:
	r7 = *(u32 *)(r1 + 0)
	r8 = *(u32 *)(r1 + 4)
	r0 = 2
	r1 = r7
	r1 += 14
	if r1 > r8 goto out
	r2 = *(u8 *)(r7 + 0)
	r2 &= 7
	if r2 == 0 goto out
	r3 = r2
	r3 <<= 3
	r1 = cells ll
	r1 += r3
	r3 = *(u64 *)(r1 + 0)
	if r3 == 9 goto hit
	goto out
hit:
	if r2 != 5 goto out
	r0 = 1
out:
	exit
.section .data
cells: .quad 1, 2, 3, 4, 5, 9, 7, 8
`),
      { varyMaps: false },
    );
    expect(verdicts(found)[1]).toBe(1);
  });

  it('knows that a walk over a full table sees its elements', () => {
    // Counts what it walks over; who only leaves no room would see an empty table that takes nothing.
    const walk = search(
      assemble(`
.license "GPL"
${hash}
.section xdp
.globl prog
prog:
${update}
	w6 = w0
	r1 = flows ll
	r2 = each ll
	r3 = 0
	r4 = 0
	call bpf_for_each_map_elem
	r1 = r0
	r0 = 2
	if w6 == 0 goto out
	r0 = 1
out:
	exit
.section .text
each:
	r0 = 0
	exit
`),
    );
    const full = walk.found.filter(({ start }) => start.full.length > 0);
    expect(full.map(({ verdict }) => verdict)).toEqual([1]);
    // Seven or eight elements, two instructions each.
    expect(full[0]?.insns).toBeGreaterThan(20 + 2 * 6);
  });
  it('sends a packet on, too, where what it is sent by decides no jump', () => {
    const sent = search(
      assemble(`
.license "GPL"
.map ports type=devmap key=4 value=4 max_entries=4
.section xdp
.globl prog
prog:
	r1 = ports ll
	r2 = 2
	r3 = 1
	call bpf_redirect_map
	exit
`),
    );
    expect(verdicts(sent)).toEqual({ 1: 1, 4: 1 });
  });
});

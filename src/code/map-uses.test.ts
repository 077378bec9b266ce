import { describe, expect, it } from 'vitest';
import { assemble, mapSpec } from '../object/index.js';
import { type MapUses, mapUses } from './map-uses.js';

const names = ['a', 'b', 'c', 'outer'];

const maps = names.map((name) =>
  name === 'outer'
    ? mapSpec({
        name,
        type: 'array_of_maps',
        keySize: 4,
        valueSize: 4,
        maxEntries: 2,
        inner: mapSpec({ name: '', type: 'hash', keySize: 4, valueSize: 16, maxEntries: 8 }),
      })
    : mapSpec({ name, type: name === 'c' ? 'hash' : 'array', keySize: 4, valueSize: 16, maxEntries: 8 }),
);

/**
 * Names of the maps that a program may write, `other` for those that the object does not name; `functions`: text of
 * functions ahead of it.
 */
function written(main: string, functions = ''): string {
  return namesOf(usesOf(main, functions).written);
}

function namesOf(bits: bigint): string {
  return [...names, 'other'].filter((_, i) => ((bits >> BigInt(i)) & 1n) !== 0n).join(' ');
}

function usesOf(main: string, functions: string): MapUses {
  const { programs } = assemble(`
.license "GPL"
${names.map((name) => `.map ${name} type=array key=4 value=16 max_entries=8 flags=0x0`).join('\n')}
.section .text
${functions}
.section xdp
.globl main
.type main, @function
main:
${main}
r0 = 2
exit
`);
  const [program] = programs;
  if (program === undefined) throw new Error('no program');
  return mapUses(program, maps);
}

const everything = 'a b c outer other';

/** Values are named by position: `map[0][0]+4` lies in `a`. r0 = the element of `map`, not null from here on. */
const lookup = (map: string): string =>
  `*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = ${map} ll\ncall bpf_map_lookup_elem\nif r0 == 0 goto out`;
const out = 'out:';
const fn = (name: string, body: string): string => `.type ${name}, @function\n${name}:\n${body}\nr0 = 0\nexit\n`;

describe('a map is written', () => {
  it.each([
    ['by a store to an element', `${lookup('a')}\n*(u32 *)(r0 + 4) = 1\n${out}`, 'a'],
    ['by a store of a register', `${lookup('a')}\nr1 = 7\n*(u8 *)(r0 + 4) = r1\n${out}`, 'a'],
    ['by an atomic operation', `${lookup('a')}\nr1 = 7\nlock *(u64 *)(r0 + 0) += r1\n${out}`, 'a'],
    ['by a store to its section', 'r1 = map[1][0]+4\n*(u32 *)(r1 + 0) = 1', 'b'],
    [
      'by a copy of the pointer, moved',
      `${lookup('a')}\nr7 = r0\nr7 += 4\nr3 = 2\nr7 += r3\n*(u8 *)(r7 + 0) = 1\n${out}`,
      'a',
    ],
    ['by a number that the pointer was added to', `${lookup('a')}\nr3 = 2\nr3 += r0\n*(u8 *)(r3 + 0) = 1\n${out}`, 'a'],
    [
      'by a pointer that was spilled',
      `${lookup('a')}\n*(u64 *)(r10 - 16) = r0\nr7 = *(u64 *)(r10 - 16)\n*(u8 *)(r7 + 0) = 1\n${out}`,
      'a',
    ],
    [
      'by one that was spilled through a copy of r10',
      `${lookup('a')}\nr3 = r10\nr3 += -32\n*(u64 *)(r3 + 16) = r0\nr7 = *(u64 *)(r10 - 16)\n*(u8 *)(r7 + 0) = 1\n${out}`,
      'a',
    ],
    [
      'by one filled from a place that varies',
      `${lookup('a')}\n*(u64 *)(r10 - 16) = r0\ncall bpf_get_prandom_u32\nr0 &= 8\nr3 = r10\nr3 -= r0\nr7 = *(u64 *)(r3 - 8)\n*(u8 *)(r7 + 0) = 1\n${out}`,
      'a',
    ],
    [
      'either of two, where ways meet',
      'r7 = map[0][0]+0\nr8 = *(u32 *)(r1 + 12)\nif r8 == 0 goto over\nr7 = map[1][0]+0\nover:\n*(u8 *)(r7 + 0) = 1',
      'a b',
    ],
    [
      'by what a loop brings round',
      'r7 = map[0][0]+0\nr8 = map[1][0]+0\nr9 = 0\nagain:\n*(u8 *)(r7 + 0) = 1\nr7 = r8\nr8 = map[2][0]+0\nr9 += 1\nif r9 < 3 goto again',
      'a b c',
    ],
    ['by an update', `r1 = c ll\nr2 = r10\nr2 += -4\nr3 = map[0][0]+0\nr4 = 0\ncall bpf_map_update_elem`, 'c'],
    ['by a delete', 'r1 = c ll\nr2 = r10\nr2 += -4\ncall bpf_map_delete_elem', 'c'],
    ['by a push', 'r1 = c ll\nr2 = r10\nr2 += -16\nr3 = 0\ncall bpf_map_push_elem', 'c'],
    ['by a pop, which writes to what it is given too', 'r1 = c ll\nr2 = map[0][0]+0\ncall bpf_map_pop_elem', 'a c'],
    ['by a peek at another', 'r1 = c ll\nr2 = map[0][0]+0\ncall bpf_map_peek_elem', 'a'],
    ['by packet bytes that are put there', 'r2 = 0\nr3 = map[0][0]+0\nr4 = 8\ncall bpf_xdp_load_bytes', 'a'],
    ['by a helper that changes what it reads', 'r2 = map[0][0]+0\nr3 = 64\nr4 = 0\ncall bpf_fib_lookup', 'a'],
    ['by its lock', 'r1 = map[0][0]+0\ncall bpf_spin_lock', 'a'],
    ['by a helper that is not known', 'r1 = map[0][0]+0\nr2 = b ll\ncall 9999', 'a b'],
    [
      'by what a helper that is not known hands back',
      'r6 = map[0][0]+0\nr1 = r6\nr2 = 0\nr3 = 0\nr4 = 0\nr5 = 0\ncall 9999\n*(u8 *)(r0 + 0) = 1',
      'a',
    ],
    ['as a dynptr', 'r1 = map[0][0]+0\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem', 'a'],
    [
      'an inner map, of which there are as many as fit',
      `${lookup('outer')}\nr1 = r0\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\n*(u8 *)(r0 + 0) = 1\n${out}`,
      'c other',
    ],
    [
      'an inner map by an update',
      `${lookup('outer')}\nr1 = r0\nr2 = r10\nr2 += -4\nr3 = r2\nr4 = 0\ncall bpf_map_update_elem\n${out}`,
      'c other',
    ],
    ['all of them, by a pointer out of nowhere', 'r7 = 4096\n*(u8 *)(r7 + 0) = 1', everything],
  ])('%s', (_, main, expected) => {
    expect(written(main)).toBe(expected);
  });

  it.each([
    [
      'by a function that is given the pointer',
      `${lookup('a')}\nr1 = r0\ncall f\n${out}`,
      fn('f', '*(u8 *)(r1 + 0) = 1'),
      'a',
    ],
    [
      'by the caller, with what a function hands back',
      'call f\n*(u8 *)(r0 + 0) = 1',
      '.type f, @function\nf:\nr0 = map[1][0]+0\nexit\n',
      'b',
    ],
    [
      'by a function that finds the pointer on its caller’s stack',
      `${lookup('a')}\n*(u64 *)(r10 - 16) = r0\nr1 = r10\nr1 += -16\ncall f\n${out}`,
      fn('f', 'r3 = *(u64 *)(r1 + 0)\n*(u8 *)(r3 + 0) = 1'),
      'a',
    ],
    [
      'by the caller, with what a function put on its stack',
      'r1 = r10\nr1 += -16\ncall f\nr3 = *(u64 *)(r10 - 16)\n*(u8 *)(r3 + 0) = 1',
      fn('f', 'r3 = map[1][0]+0\n*(u64 *)(r1 + 0) = r3'),
      'b',
    ],
    [
      'by the callback of a loop, through its context',
      'r3 = map[0][0]+0\n*(u64 *)(r10 - 8) = r3\nr1 = 4\nr2 = f ll\nr3 = r10\nr3 += -8\nr4 = 0\ncall bpf_loop',
      fn('f', 'r3 = *(u64 *)(r2 + 0)\n*(u8 *)(r3 + 0) = 1'),
      'a',
    ],
    [
      'by the callback of a walk, the element',
      'r1 = c ll\nr2 = f ll\nr3 = map[0][0]+0\nr4 = 0\ncall bpf_for_each_map_elem',
      fn('f', '*(u8 *)(r3 + 0) = 1'),
      'c',
    ],
    [
      'by the callback of a walk, what it is given',
      'r1 = c ll\nr2 = f ll\nr3 = map[0][0]+0\nr4 = 0\ncall bpf_for_each_map_elem',
      fn('f', '*(u8 *)(r4 + 0) = 1'),
      'a',
    ],
    [
      'by the callback of a walk, with the map that it is given',
      'r1 = c ll\nr2 = f ll\nr3 = 0\nr4 = 0\ncall bpf_for_each_map_elem',
      fn('f', 'r2 = r10\nr2 += -4\ncall bpf_map_delete_elem'),
      'c',
    ],
    ['by a callback of which nothing is known', 'r1 = f ll\ncall 9999', fn('f', '*(u8 *)(r3 + 0) = 1'), everything],
  ])('%s', (_, main, functions, expected) => {
    expect(written(main, functions)).toBe(expected);
  });
});

describe('a map is not written', () => {
  it.each([
    ['by a look-up and a load', `${lookup('a')}\nr3 = *(u64 *)(r0 + 0)\n${out}`],
    ['by stores to the stack and to the packet', 'r2 = *(u32 *)(r1 + 0)\n*(u8 *)(r2 + 0) = 1\n*(u64 *)(r10 - 8) = 1'],
    ['by a pointer that only lies on the stack', `${lookup('a')}\n*(u64 *)(r10 - 16) = r0\n${out}`],
    [
      'by a slot that something else has been put in',
      `${lookup('a')}\n*(u64 *)(r10 - 16) = r0\nr1 = r10\n*(u64 *)(r10 - 16) = r1\nr3 = *(u64 *)(r10 - 16)\n*(u8 *)(r3 - 1) = 1\n${out}`,
    ],
    ['by helpers that read', 'r1 = map[0][0]+0\nr2 = 8\nr3 = map[1][0]+0\nr4 = 8\nr5 = 0\ncall bpf_csum_diff'],
    ['by a redirect over it', 'r1 = a ll\nr2 = 0\nr3 = 0\ncall bpf_redirect_map'],
    ['as the key of a look-up in another', `r1 = c ll\nr2 = map[0][0]+0\ncall bpf_map_lookup_elem`],
  ])('%s', (_, main) => {
    expect(written(main)).toBe('');
  });
});

describe('what is done to a map', () => {
  const add = 'r1 = 7\nlock *(u64 *)(r0 + 0) += r1';
  it.each([
    ['an addition whose result nobody takes', add, 'a', '', ''],
    ['an addition that says what there was', 'r1 = 7\nr1 = atomic_fetch_add((u64 *)(r0 + 0), r1)', 'a', 'a', ''],
    ['another atomic operation', 'r1 = 7\nlock *(u64 *)(r0 + 0) |= r1', 'a', 'a', ''],
    ['an addition and a store', `${add}\n*(u8 *)(r0 + 9) = 1`, 'a', 'a', ''],
    ['an addition by load and store', 'r1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1', 'a', '', ''],
    ['a doubling', 'r1 = *(u64 *)(r0 + 0)\nr1 += r1\n*(u64 *)(r0 + 0) = r1', 'a', 'a', 'a'],
    ['a load', 'r1 = *(u32 *)(r0 + 4)', '', '', 'a'],
    ['a look-up and no more', '', '', '', ''],
    ['an addition, and its value is a key', `${add}\nr2 = r0\nr1 = c ll\ncall bpf_map_lookup_elem`, 'a', '', 'a'],
  ])('%s', (_, body, isWritten, stored, read) => {
    const uses = usesOf(`${lookup('a')}\n${body}\n${out}`, '');
    expect([uses.written, uses.stored, uses.read].map(namesOf)).toEqual([isWritten, stored, read]);
  });
});

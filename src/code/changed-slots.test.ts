import { expect, it } from 'vitest';
import { assembleUbpf, type Insn, op } from '../isa/index.js';
import { Prng } from '../packet/index.js';
import { changedSlots } from './changed-slots.js';

const same = (map: number): number => map;
const insns = (text: string): readonly Insn[] => assembleUbpf(text, {}, 'test');
const changed = (list: Uint8Array): number[] => [...list.keys()].filter((pc) => list[pc] === 1);

it('finds what was put in, taken out or replaced, and no jump over it', () => {
  const old = insns('mov %r0, 1\njeq %r1, 0, +2\nmov %r0, 2\nmov %r0, 3\nexit');
  const fresh = insns('mov %r0, 1\njeq %r1, 0, +3\nmov %r0, 2\nmov %r3, 9\nmov %r0, 4\nexit');
  const { old: a, fresh: b } = changedSlots(old, fresh, same);
  expect(changed(a)).toEqual([3]);
  expect(changed(b)).toEqual([3, 4]);
});

it('counts a jump that goes elsewhere as changed', () => {
  const text = (by: number): string => `jeq %r1, 0, +${by}\nmov %r0, 2\nmov %r0, 3\nexit`;
  const { old, fresh } = changedSlots(insns(text(1)), insns(text(2)), same);
  expect([changed(old), changed(fresh)]).toEqual([[0], [0]]);
});

it('takes a map for the one that the other version calls so', () => {
  const load = (map: number): Insn[] => [
    { code: op.LDDW, dst: 1, src: op.PSEUDO_MAP_FD, off: 0, imm: map },
    { code: 0, dst: 0, src: 0, off: 0, imm: 0 },
  ];
  const ends = insns('mov %r0, 1\nexit');
  const versions = [
    [...load(0), ...ends],
    [...load(3), ...ends],
  ] as const;
  expect(changed(changedSlots(...versions, same).fresh)).toEqual([0]);
  expect(changed(changedSlots(...versions, (map) => map - 3).fresh)).toEqual([]);
});

it('pairs in order what is equal, for any edits', () => {
  const random = new Prng(5);
  for (let round = 0; round < 200; round++) {
    const size = 1 + random.below(30);
    const old = Array.from({ length: size }, () => `mov %r0, ${random.below(3)}`);
    const fresh = old.flatMap((line) =>
      random.below(6) === 0 ? [] : random.below(6) === 0 ? [line, 'mov %r1, 7'] : [line],
    );
    const [left, right] = [insns([...old, 'exit'].join('\n')), insns([...fresh, 'exit'].join('\n'))];
    const slots = changedSlots(left, right, same);
    const kept = (list: readonly Insn[], marks: Uint8Array): string =>
      JSON.stringify(list.filter((_, pc) => marks[pc] === 0));
    expect(kept(left, slots.old)).toBe(kept(right, slots.fresh));
    // No more are taken out than were, and what was put in.
    expect(changed(slots.old).length + changed(slots.fresh).length).toBeLessThanOrEqual(
      old.length + fresh.length - 2 * Math.max(0, fresh.filter((line) => !line.includes('r1')).length),
    );
  }
});

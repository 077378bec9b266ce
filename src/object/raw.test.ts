import { describe, expect, it } from 'vitest';
import { encodeInsns } from '../isa/index.js';
import { assemble } from './parse-image.js';
import { rawImage, rawInsns, rawMapList } from './raw.js';
import { readObject } from './read-object.js';
import type { ObjectSpec, ProgramSpec } from './spec.js';
import { writeElf } from './write-elf.js';

const object = assemble(`
  .license "GPL"
  .map counts type=array key=4 value=8 max_entries=4
  .map outer type=array_of_maps key=4 value=4 max_entries=2
  .inner type=hash key=4 value=4 max_entries=9
  .slot 1, inner
  .map inner type=hash key=4 value=4 max_entries=9
  .section .rodata
  .quad 7
limit: .quad 9
  .section xdp
  .globl main
main:
  r1 = counts ll
  r2 = limit ll
  r3 = callback ll
  call helper
  exit
  .type helper, @function
helper:
  r0 = 2
  exit
  .type callback, @function
callback:
  r0 = 0
  exit
`);

function only(read: ObjectSpec): ProgramSpec {
  const [program] = read.programs;
  if (program === undefined) throw new Error('no program');
  return program;
}

describe('raw instructions', () => {
  const bytes = rawInsns(only(object));
  const back = readObject(writeElf(rawImage(bytes, rawMapList(object))));

  it('with their map list are the same program again', () => {
    expect(only(back).insns).toEqual(only(object).insns);
    expect(rawInsns(only(back))).toEqual(bytes);
    expect(back.maps.map(({ name, type }) => [name, type])).toEqual(object.maps.map(({ name, type }) => [name, type]));
    expect(only(back).unresolved).toEqual([]);
  });

  it('without one are shown, and name the maps that are missing', () => {
    const bare = readObject(writeElf(rawImage(bytes)));
    expect(encodeInsns(only(bare).insns).length).toBe(bytes.length);
    expect(only(bare).unresolved.map(({ insn }) => insn)).toEqual([0, 2]);
  });

  it('are whole slots, and their list has no code', () => {
    expect(() => rawImage(bytes.subarray(0, 12))).toThrow(/12 bytes are no whole number of instructions/);
    expect(() => rawImage(new Uint8Array(0))).toThrow(/0 bytes/);
    expect(() => rawImage(bytes, 'r0 = 1\nexit')).toThrow(/no code/);
  });

  it('cannot name what the kernel provides', () => {
    const kfunc = assemble('.extern bpf_something\n.section xdp\n.globl p\np: call bpf_something\nexit');
    expect(() => rawInsns(only(kfunc))).toThrow(/cannot name `bpf_something` of the kernel/);
  });
});

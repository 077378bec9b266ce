/** A timer's callback is verified by itself: it gets the map, a key of it, and the value that the timer lies in. */
import { describe, expect, it } from 'vitest';
import { assemble, Btf } from '../object/index.js';
import { BtfInput } from '../object/testing/btf.js';
import { verify } from './verify.js';

/** A program that starts the timer in the array's element 0, with this callback; why it is refused. */
function refusal(callback: string): string | undefined {
  const input = new BtfInput();
  const u64 = input.int('u64', 8);
  const timer = input.struct('bpf_timer', 16, [['opaque', input.array(u64, 2), 0]]);
  const value = input.struct('element', 24, [
    ['timer', timer, 0],
    ['count', u64, 128],
  ]);
  const object = assemble(`
    .license "GPL"
    .map timers type=array key=4 value=24 max_entries=1
    .section xdp
    .globl main
    main:
      *(u32 *)(r10 - 4) = 0
      r2 = r10
      r2 += -4
      r1 = timers ll
      call bpf_map_lookup_elem
      if r0 == 0 goto out
      r6 = r0
      r1 = r6
      r2 = timers ll
      r3 = 1
      call bpf_timer_init
      r1 = r6
      r2 = expired ll
      call bpf_timer_set_callback
    out:
      r0 = 2
      exit
    .text
    .type expired, @function
    expired:
      ${callback}
      exit
  `);
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const maps = object.maps.map((map) => ({ ...map, btfValueId: value }));
  return verify(program, maps, { btf: new Btf(input.bytes()), license: 'GPL' }).message;
}

describe('the callback of a timer', () => {
  it.each([
    ['the key', 'r1 = *(u32 *)(r2 + 0)\nr0 = 0'],
    ['the value, but for the timer', 'r1 = *(u64 *)(r3 + 16)\nr1 += 1\n*(u64 *)(r3 + 16) = r1\nr0 = 0'],
    ['the map, with the key', 'call bpf_map_lookup_elem\nr0 = 0'],
  ])('may use %s', (_, code) => {
    expect(refusal(code)).toBeUndefined();
  });

  it.each([
    [
      'what lies behind the key',
      'r1 = *(u64 *)(r2 + 0)\nr0 = 0',
      /^invalid access to map key, key_size=4 off=0 size=8/,
    ],
    ['to write the key', '*(u32 *)(r2 + 0) = 1\nr0 = 0', /^write to change key R2 not allowed/],
    ['the timer itself', 'r1 = *(u64 *)(r3 + 8)\nr0 = 0', /^bpf_timer cannot be accessed directly/],
    ['a fourth argument', 'r1 = r4\nr0 = 0', /^R4 !read_ok/],
    ['another result than 0', 'r0 = 1', /^At async callback return the register R0 has smin=1 smax=1/],
    [
      'an address as its result',
      'r0 = r2',
      /^At async callback return the register R0 is not a known value \(map_key\)/,
    ],
  ])('is refused %s', (_, code, message) => {
    expect(refusal(code)).toMatch(message);
  });
});

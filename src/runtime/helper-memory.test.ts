/** Stack memory that helpers fill and read, on the card beside the interpreter. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { Session } from './index.js';

const head = [
  '.map queue type=queue key=0 value=8 max_entries=8',
  '.map results type=array key=4 value=8 max_entries=4',
  'r6 = *(u32 *)(r1 + 0)',
  'r7 = *(u32 *)(r1 + 4)',
  'r2 = r6',
  'r2 += 16',
  'if r2 > r7 goto out',
  '*(u32 *)(r10 - 4) = 1',
];
const load = (from: number, to: string): string => `${to} = *(u64 *)(r10 - ${from})`;
const store = (to: number, from: string): string => `*(u64 *)(r10 - ${to}) = ${from}`;
const queue = (call: string, at: number): string[] => [
  'r1 = queue ll',
  'r2 = r10',
  `r2 += -${at}`,
  ...(call === 'push' ? ['r3 = 0'] : []),
  `call bpf_map_${call}_elem`,
];
const update = (at: number): string[] => [
  ...['r1 = results ll', 'r2 = r10', 'r2 += -4', 'r3 = r10', `r3 += -${at}`, 'r4 = 0', 'call bpf_map_update_elem'],
];
/** Two words of the packet into the queue, by way of one place. */
const pushes = [0, 8].flatMap((at) => [`r8 = *(u64 *)(r6 + ${at})`, store(16, 'r8'), ...queue('push', 16)]);

function differenceOf(lines: readonly string[]): unknown {
  const text = [...head, ...lines, 'out:', 'r0 = 2', 'exit'].join('\n');
  const object = assemble(text, { name: 'helper-memory.s' });
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const session = new Session(object, program, { check: true });
  for (let packet = 0; packet < 6; packet++) {
    const data = Uint8Array.from({ length: 64 }, (_, i) => 1 + packet + i);
    session.run({ data, time: 0n });
  }
  expect(session.runtime.hits).toBeGreaterThan(3);
  expect(session.finish()).toBeUndefined();
  return session.difference;
}

describe('what a helper has put on the stack', () => {
  it('goes to another place of the stack before a call that reads it there', () => {
    expect(
      differenceOf([...pushes, ...queue('pop', 24), load(24, 'r8'), ...update(16), store(16, 'r8'), ...update(16)]),
    ).toBeUndefined();
  });

  it('comes back to its place where another call has filled that since', () => {
    expect(
      differenceOf([
        ...pushes,
        ...queue('pop', 24),
        load(24, 'r8'),
        ...queue('pop', 24),
        store(24, 'r8'),
        ...update(24),
      ]),
    ).toBeUndefined();
  });

  it('comes back to its place where a call has read something else there since', () => {
    const other = ['r9 = 5', store(24, 'r9'), ...update(24)];
    expect(
      differenceOf([...pushes, ...queue('pop', 24), load(24, 'r8'), ...other, store(24, 'r8'), ...update(24)]),
    ).toBeUndefined();
  });

  it('is half its own, half of the program', () => {
    const half = ['r8 = *(u32 *)(r6 + 4)', '*(u32 *)(r10 - 20) = r8'];
    expect(differenceOf([...pushes, ...queue('pop', 24), ...half, ...update(24)])).toBeUndefined();
  });
});

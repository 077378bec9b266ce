import { expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { Session } from './index.js';

it('a condition on a value that many rotations have mixed is printed by what it depends on', () => {
  const lines = [
    'r2 = *(u32 *)(r1 + 0)',
    'r3 = *(u32 *)(r1 + 4)',
    'r4 = r2',
    'r4 += 40',
    'if r4 > r3 goto out',
    'r5 = 0',
  ];
  for (let i = 0; i < 40; i++)
    lines.push('w6 = w5', 'w6 >>= 31', 'w5 <<= 1', 'w5 |= w6', `r7 = *(u8 *)(r2 + ${i})`, 'w7 <<= 8', 'w5 ^= w7');
  lines.push('if w5 == 3 goto out', 'r0 = 1', 'exit', 'out:', 'r0 = 2', 'exit');
  const object = assemble(lines.join('\n'));
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const session = new Session(object, program, { check: true });
  session.run({ data: Uint8Array.from({ length: 60 }, (_, i) => i + 1), time: 0n });
  expect(session.finish()).toBeUndefined();
  expect(session.runtime.traces.map((trace) => trace.condition.text.startsWith('len >= 40 && '))).toEqual([true]);
});

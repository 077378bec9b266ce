import { describe, expect, it } from 'vitest';
import { assembleInsns } from '../isa/index.js';
import { bareObject, machineEngine, machineEngineNames } from './engines.js';
import { MachineSubject } from './machine-subject.js';

/** Programs that fuzzing found and shrank, with what they return. */
const found = {
  // The branch at the loop's end is decided where the loop's head comes from, and leads to that head.
  'a loop whose head is threaded to itself': {
    verdict: 4,
    text: `r0 = 0
r8 = 0
head:
if r8 == 0 goto over
r3 = 0
over:
r0 += 1
r8 += 1
if r8 < 4 goto head
exit`,
  },
  // Without metadata all three checks fail; the way past the first one leads to the second's other side.
  'checks of one pointer after another': {
    verdict: 0,
    text: `r6 = r1
w1 = *(u32 *)(r6 + 8)
w2 = *(u32 *)(r6 + 0)
r3 = r1
r3 += 4
if r3 > r2 goto second
*(u16 *)(r1 + 2) = 0
second:
r3 += 16
if r3 > r2 goto third
*(u64 *)(r1 + 8) = 0
third:
r3 = r1
r3 += 1
r0 = 0
if r3 > r2 goto over
r0 = 1
over:
exit`,
  },
  'a loop that does nothing else': {
    verdict: 0,
    text: `r0 = 0
r8 = 0
head:
if r8 == 0 goto over
r3 = 0
over:
r8 += 1
if r8 < 4 goto head
exit`,
  },
};

describe.each(Object.entries(found))('%s', (_, { text, verdict }) => {
  it.each(machineEngineNames)('runs in %s', (name) => {
    const subject = new MachineSubject(bareObject(assembleInsns(text)), 'main', machineEngine(name), { cpus: 1 });
    expect(subject.run({ data: new Uint8Array(60) }).verdict).toBe(verdict);
  });
});

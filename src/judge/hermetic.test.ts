import { describe, expect, it } from 'vitest';
import { Interpreter } from '../interp/index.js';
import { type Insn, op } from '../isa/index.js';
import { bareObject } from './engines.js';
import { inputValue, isHermetic, makeHermetic } from './hermetic.js';
import { MachineSubject } from './machine-subject.js';

const call = (id: number): Insn => ({ code: op.CALL_OP, dst: 0, src: 0, off: 0, imm: id });
const exit: Insn = { code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 };

describe('a hermetic program', () => {
  it('gets the time from a map that is filled from outside', () => {
    const { object, inputMap = -1 } = makeHermetic(bareObject([call(5), exit]));
    const subject = new MachineSubject(object, 'main', (machine) => new Interpreter(machine), {});
    for (const now of [7n, 1234n]) {
      subject.update(inputMap, new Uint8Array(4), inputValue(now, 99));
      expect(subject.run({ data: new Uint8Array(64) }).verdict).toBe(Number(now));
    }
  });

  it('gets its random numbers from there too', () => {
    const { object, inputMap = -1 } = makeHermetic(bareObject([call(7), exit]));
    const subject = new MachineSubject(object, 'main', (machine) => new Interpreter(machine), {});
    subject.update(inputMap, new Uint8Array(4), inputValue(7n, 99));
    expect(subject.run({ data: new Uint8Array(64) }).verdict).toBe(99);
  });

  it('is left as it is when it asks for neither', () => {
    const object = bareObject([{ ...exit, code: op.ALU64 | op.MOV | op.K }, exit]);
    expect(makeHermetic(object)).toEqual({ object, inputMap: undefined });
  });

  it('is told from one that is not', () => {
    const [clock] = bareObject([call(5), exit]).programs;
    const [plain] = bareObject([call(8), exit]).programs;
    expect([clock, plain].map((program) => program !== undefined && isHermetic(program))).toEqual([false, true]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { body, exit, insn, mov, start } from '../../test/support/any-program.js';
import { rounds } from '../../test/support/effort.js';
import { Interpreter } from '../interp/index.js';
import { type Insn, op } from '../isa/index.js';
import { parseSettings, passes, type Settings } from '../opt/index.js';
import { Verdicts } from '../verifier/index.js';
import { type LoadedProgram, Machine, type Outcome } from '../vm/index.js';
import { objectSpec, programSpec } from '../vm/testing.js';
import { IrEngine } from './ir-engine.js';

/** No pass, all passes, each alone, each off. */
const configurations: readonly { readonly name: string; readonly settings: Settings }[] = [
  ['0'],
  ['3'],
  ...passes.flatMap(({ name }) => [
    ['0', `+${name}`],
    ['3', `-${name}`],
  ]),
].map((words) => ({ name: words.map((word) => `-O${word}`).join(' '), settings: parseSettings(words) }));

interface Run {
  readonly r0: bigint;
  readonly trapped: boolean;
  readonly data: Uint8Array;
}

function run(
  insns: readonly Insn[],
  data: Uint8Array,
  make: (machine: Machine) => { run(p: LoadedProgram): Outcome },
): Run {
  const machine = new Machine(objectSpec([programSpec(insns)], []));
  const engine = make(machine);
  machine.setPacket({ data, now: 1234n });
  const { r0, trap } = engine.run(machine.programs[0] as LoadedProgram);
  return { r0, trapped: trap !== undefined, data: machine.lane.packet.bytes() };
}

function expectEqual(insns: readonly Insn[], data: Uint8Array, settings: Settings, verified: boolean): void {
  const verdicts = verified ? Verdicts.trusting() : Verdicts.none();
  const ir = run(insns, data, (machine) => new IrEngine(machine, { settings, verdicts, check: true }));
  expect(ir).toEqual(run(insns, data, (machine) => new Interpreter(machine)));
}

describe('each pass alone, and all but each', () => {
  it('keeps what random programs of arithmetic, branches, stack and packet do', () => {
    fc.assert(
      fc.property(
        body,
        fc.uint8Array({ minLength: 14, maxLength: 64 }),
        fc.constantFrom(...configurations),
        fc.boolean(),
        (insns, data, { settings }, verified) => expectEqual([...start, ...insns, exit], data, settings, verified),
      ),
      { numRuns: rounds(100), seed: 11 },
    );
  });

  it('keeps what random loops do', () => {
    fc.assert(
      fc.property(
        body,
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(...configurations),
        fc.boolean(),
        (insns, count, { settings }, verified) => {
          const loop = [mov(8, count), ...insns, insn(op.ALU64 | op.SUB, 8, 0, 0, 1)];
          const back = insn(op.JMP | op.JNE, 8, 0, -(insns.length + 2), 0);
          const data = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) & 0xff);
          expectEqual([...start, ...loop, back, exit], data, settings, verified);
        },
      ),
      { numRuns: rounds(50), seed: 12 },
    );
  });
});

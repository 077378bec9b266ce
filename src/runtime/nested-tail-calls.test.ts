/**
 * Tail calls in functions: the program that takes over returns to the function's caller, whose stack is as it was, and
 * what it did to the packet and to maps stays. On the interpreter, compiled, value by value, and on cards.
 */
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../interp/index.js';
import { WasmEngine } from '../jit/index.js';
import { IrEngine } from '../judge/ir-engine.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { Verdicts } from '../verifier/index.js';
import { type Engine, Machine } from '../vm/index.js';
import { Session } from './index.js';

/** The map `jumps` leads to `main`, `other` and `resize`; `count(n)` adds n to what the first element remembers. */
function objectOf(main: string): ObjectSpec {
  return assemble(`
	.license "GPL"
	.map jumps type=prog_array key=4 value=4 max_entries=4
	.slot 0, main
	.slot 1, other
	.slot 2, resize
	.map seen type=array key=4 value=8 max_entries=2
	.section xdp
	.globl main
${main}
	.section xdp/other
	.globl other
other:
	*(u64 *)(r10 - 8) = 77
	*(u64 *)(r10 - 16) = 78
	r0 = *(u64 *)(r10 - 8)
	exit
	.section xdp/resize
	.globl resize
resize:
	r6 = r1
	r2 = 4
	call bpf_xdp_adjust_head
	r2 = *(u32 *)(r6 + 0)
	r3 = *(u32 *)(r6 + 4)
	r4 = r2
	r4 += 16
	r0 = 1
	if r4 > r3 goto +2
	r0 = *(u8 *)(r2 + 3)
	*(u8 *)(r2 + 3) = 9
	exit
`);
}

/** A function that tail-calls the slot in r2, and returns 1 where that fails. */
const hop = `
	.type hop, @function
hop:
	r3 = r2
	r2 = jumps ll
	call bpf_tail_call
	r0 = 1
	exit
`;

const count = `
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = seen ll
	call bpf_map_lookup_elem
	if r0 == 0 goto +3
	r1 = *(u64 *)(r0 + 0)
	r1 += 1
	*(u64 *)(r0 + 0) = r1
`;

/** Each function calls the next; the eighth frame tail-calls. All add what they keep on their stack. */
const chain = `main:
	r6 = r1
${count}
	r1 = r6
	call f1
	exit
${Array.from({ length: 6 }, (_, i) => {
  const next = i === 5 ? '\tr2 = 0\n\tcall hop' : `\tcall f${i + 2}`;
  return `	.type f${i + 1}, @function
f${i + 1}:
	*(u64 *)(r10 - 8) = ${i + 3}
${next}
	r1 = *(u64 *)(r10 - 8)
	r0 += r1
	exit`;
}).join('\n')}
${hop}`;

const programs: readonly (readonly [what: string, main: string, verdict: number, counted: number])[] = [
  [
    'goes on with what the other program returned, on a stack of its own',
    `main:\n\t*(u64 *)(r10 - 8) = 100\n\t*(u64 *)(r10 - 16) = 1\n\tr2 = 1\n\tcall hop\n\tr1 = *(u64 *)(r10 - 8)\n\tr0 += r1\n\tr1 = *(u64 *)(r10 - 16)\n\tr0 += r1\n\texit\n${hop}`,
    178,
    0,
  ],
  ['goes on in the function where the slot is empty', `main:\n\tr2 = 3\n\tcall hop\n\tr0 += 1\n\texit\n${hop}`, 2, 0],
  [
    'calls 33 times in all, from however many functions',
    `main:\n\tr6 = r1\n${count}\n\tr1 = r6\n\tr2 = 0\n\tcall hop\n\tr1 = r6\n\tr2 = 0\n\tcall hop\n\tr0 = 2\n\texit\n${hop}`,
    2,
    34,
  ],
  ['has eight frames in each of the programs', chain, 34 * (3 + 4 + 5 + 6 + 7 + 8) + 1, 34],
  [
    'finds the packet where the other program left it',
    `main:\n\tr6 = r1\n\tr2 = 2\n\tcall hop\n\tr7 = r0\n\tr2 = *(u32 *)(r6 + 0)\n\tr3 = *(u32 *)(r6 + 4)\n\tr4 = r2\n\tr4 += 16\n\tr0 = 0\n\tif r4 > r3 goto +2\n\tr0 = *(u8 *)(r2 + 3)\n\tr0 += r7\n\texit\n${hop}`,
    16,
    0,
  ],
];

const packet = Uint8Array.from({ length: 64 }, (_, i) => i);
describe('a tail call in a function', () => {
  describe.each(programs)('%s', (_, main, verdict, counted) => {
    const object = objectOf(main);
    const verdicts = Verdicts.of(object);

    it('is accepted', () => {
      for (const program of object.programs) expect(verdicts.of(program).accepted).toBe(true);
    });

    const engines: readonly (readonly [string, (machine: Machine) => Engine])[] = [
      ['interpreted', (machine) => new Interpreter(machine)],
      ['compiled', (machine) => new WasmEngine(machine, { verdicts })],
      ['compiled with checks', (machine) => new WasmEngine(machine, { verdicts: Verdicts.none() })],
      ['translated', (machine) => new IrEngine(machine, { verdicts })],
    ];
    it.each(engines)('%s', (_name, make) => {
      const machine = new Machine(object);
      machine.setPacket({ data: packet });
      const engine = make(machine);
      const outcome = engine.run(machine.programs[0] as Machine['programs'][number]);
      expect(outcome.trap).toBeUndefined();
      expect(outcome.verdict).toBe(verdict);
      expect(countIn(machine)).toBe(counted);
      if (engine instanceof WasmEngine) expect(engine.fallbacks).toEqual([]);
    });

    it('on a card', () => {
      const session = new Session(object, object.programs[0] as ObjectSpec['programs'][number], { check: true });
      for (let i = 0; i < 20; i++) session.run({ data: packet });
      session.finish();
      expect(session.difference).toBeUndefined();
      expect(session.stats.hits).toBeGreaterThan(15);
    });
  });
});

function countIn(machine: Machine): number {
  const [first] = machine.maps.find(({ spec }) => spec.name === 'seen')?.entries() ?? [];
  return first?.value[0] ?? -1;
}

it('a map of programs shows them by name', () => {
  const object = objectOf(`main:\n\tr0 = 2\n\texit\n`);
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const jumps = new Session(object, program, {}).map('jumps');
  expect([...jumps].map(([, program]) => program)).toEqual(['main', 'other', 'resize']);
  jumps.set(Uint8Array.of(3, 0, 0, 0), 'other');
  expect(jumps.get(Uint8Array.of(3, 0, 0, 0))).toBe('other');
});

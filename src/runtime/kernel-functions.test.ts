/**
 * Kernel functions and `may_goto` on all engines: iterators are compiled and traced, dynptrs over the packet compiled.
 * The verdicts are those of Linux 6.18.
 */
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../interp/index.js';
import { WasmEngine } from '../jit/index.js';
import { IrEngine } from '../judge/ir-engine.js';
import { assemble, type ProgramSpec } from '../object/index.js';
import { Verdicts } from '../verifier/index.js';
import { type Engine, Machine } from '../vm/index.js';
import { Session } from './index.js';

const externs = [
  'iter_num_new',
  'iter_num_next',
  'iter_num_destroy',
  'dynptr_from_xdp',
  'dynptr_slice',
  'dynptr_slice_rdwr',
  'dynptr_adjust',
  'dynptr_clone',
  'dynptr_size',
  'dynptr_is_null',
]
  .map((name) => `\t.extern bpf_${name}\n`)
  .join('');

/** Sums the numbers from r2 up to r3 into r7, and stops after five. */
const iterate = (start: number, end: number): string => `
	r1 = r10
	r1 += -8
	r2 = ${start}
	r3 = ${end}
	call bpf_iter_num_new
	r9 = r0
	r7 = 0
	r8 = 0
next:
	r1 = r10
	r1 += -8
	call bpf_iter_num_next
	if r0 == 0 goto done
	r1 = *(s32 *)(r0 + 0)
	r7 += r1
	r8 += 1
	if r8 < 5 goto next
done:
	r1 = r10
	r1 += -8
	call bpf_iter_num_destroy
	r0 = r7
	if r9 == 0 goto out
	r0 = r9
	r0 = -r0
out:
	exit
`;

/** A dynptr of the packet at r10 - 16; its slice of `size` bytes from `offset` on in r0. */
const sliceOf = (name: string, offset: number, size: number): string => `
	r6 = r1
	*(u64 *)(r10 - 24) = 0
	*(u64 *)(r10 - 32) = 0
	r2 = 0
	r3 = r10
	r3 += -16
	call bpf_dynptr_from_xdp
	r1 = r10
	r1 += -16
	r2 = ${offset}
	r3 = r10
	r3 += -32
	r4 = ${size}
	call ${name}
	if r0 != 0 goto +2
	r0 = 99
	exit
`;

/** A dynptr of the packet at r10 - 16; the answer in r0. */
const dynptrOf = (flags: number): string => `
	r2 = ${flags}
	r3 = r10
	r3 += -16
	call bpf_dynptr_from_xdp
`;

/** What a kfunc says of that dynptr; a slice has a buffer of its own. */
function call(name: 'slice' | 'adjust' | 'size', ...numbers: readonly number[]): string {
  const [first, second] = numbers;
  const buffer = `\t*(u64 *)(r10 - 32) = 0\n\tr3 = r10\n\tr3 += -32\n\tr4 = ${second}\n`;
  const rest = name === 'slice' ? buffer : second === undefined ? '' : `\tr3 = ${second}\n`;
  return `\tr1 = r10\n\tr1 += -16\n${first === undefined ? '' : `\tr2 = ${first}\n`}${rest}\tcall bpf_dynptr_${name}\n`;
}

const data = (offset: number, size: number): string =>
  `\tr1 = r10\n\tr1 += -16\n\tr2 = ${offset}\n\tr3 = ${size}\n\tcall bpf_dynptr_data\n`;

const programs: readonly (readonly [what: string, code: string, verdict: number, traced: boolean])[] = [
  ['numbers up to an end', iterate(2, 5), 9, true],
  ['numbers until the program has enough', iterate(-1, 100), 5, true],
  ['no numbers', iterate(7, 7), 0, true],
  ['an end before the start: EINVAL', iterate(3, 1), 22, true],
  ['more numbers than there may be: E2BIG', iterate(0, 9_000_000), 7, true],
  [
    '`may_goto` that lets a loop run',
    '\tr0 = 0\n\tr1 = 0\nloop:\n\tmay_goto out\n\tif r1 > 9 goto out\n\tr1 += 1\n\tr0 += r1\n\tgoto loop\nout:\n\tr0 &= 127\n\texit',
    55,
    true,
  ],
  ['a slice of the packet', `${sliceOf('bpf_dynptr_slice', 14, 8)}\tr0 = *(u8 *)(r0 + 3)\n\texit`, 17, true],
  ['a slice past its end', `${sliceOf('bpf_dynptr_slice', 60, 8)}\tr0 = *(u8 *)(r0 + 3)\n\texit`, 99, true],
  [
    'what is written to a slice is in the packet',
    `${sliceOf('bpf_dynptr_slice_rdwr', 14, 8)}\tr1 = 200\n\t*(u8 *)(r0 + 2) = r1\n\tr2 = *(u32 *)(r6 + 0)\n\tr3 = *(u32 *)(r6 + 4)\n\tr4 = r2\n\tr4 += 20\n\tr0 = 1\n\tif r4 > r3 goto +1\n\tr0 = *(u8 *)(r2 + 16)\n\texit`,
    200,
    true,
  ],
  ['a packet dynptr with flags: EINVAL, and null', `${dynptrOf(1)}\tr0 = -r0\n\texit`, 22, true],
  [
    'no slice of a dynptr that is null',
    `${dynptrOf(1)}${call('slice', 0, 1)}\tif r0 == 0 goto +1\n\texit\n\tr0 = 99\n\texit`,
    99,
    true,
  ],
  [
    'no data of a packet, which has slices',
    `${dynptrOf(0)}${data(0, 4)}\tif r0 == 0 goto +1\n\texit\n\tr0 = 99\n\texit`,
    99,
    true,
  ],
  ['a dynptr that is null is not adjusted', `${dynptrOf(1)}${call('adjust', 0, 4)}\tr0 = -r0\n\texit`, 22, true],
  [
    'adjusted to nothing at its end',
    `${dynptrOf(0)}${call('adjust', 64, 64)}\tif r0 != 0 goto +3\n${call('size')}\tr0 += 7\n\texit`,
    7,
    true,
  ],
  ['adjusted to an end before its start: EINVAL', `${dynptrOf(0)}${call('adjust', 8, 7)}\tr0 = -r0\n\texit`, 22, true],
  ['adjusted to more than it has: ERANGE', `${dynptrOf(0)}${call('adjust', 8, 65)}\tr0 = -r0\n\texit`, 34, true],
  [
    'a clone, and what is left of it',
    `${sliceOf('bpf_dynptr_slice', 0, 1)}\tr1 = r10\n\tr1 += -16\n\tr2 = r10\n\tr2 += -48\n\tcall bpf_dynptr_clone\n\tr1 = r10\n\tr1 += -48\n\tr2 = 10\n\tr3 = 30\n\tcall bpf_dynptr_adjust\n\tr1 = r10\n\tr1 += -48\n\tcall bpf_dynptr_size\n\tr7 = r0\n\tr1 = r10\n\tr1 += -16\n\tcall bpf_dynptr_size\n\tr0 += r7\n\texit`,
    84,
    true,
  ],
];

const packet = Uint8Array.from({ length: 64 }, (_, i) => i);

describe.each(programs)('%s', (_, code, verdict, traced) => {
  const object = assemble(`\t.license "GPL"\n${externs}\t.section xdp\n\t.globl main\nmain:\n${code}\n`);
  const [program] = object.programs as [ProgramSpec];
  const verdicts = Verdicts.of(object);

  it('is accepted', () => {
    expect(verdicts.of(program).failure?.message).toBeUndefined();
  });

  const engines: readonly (readonly [string, (machine: Machine) => Engine])[] = [
    ['interpreted', (machine) => new Interpreter(machine)],
    ['compiled', (machine) => new WasmEngine(machine, { verdicts })],
    ['translated', (machine) => new IrEngine(machine, { verdicts })],
  ];
  it.each(engines)('%s', (_name, make) => {
    const machine = new Machine(object);
    machine.setPacket({ data: packet });
    const engine = make(machine);
    const outcome = engine.run(machine.programs[0] as Machine['programs'][number]);
    expect(outcome.trap).toBeUndefined();
    expect(outcome.verdict).toBe(verdict);
    if (engine instanceof WasmEngine) expect(engine.fallbacks).toEqual([]);
  });

  it(traced ? 'on a card' : 'left to the host by a card', () => {
    const session = new Session(object, program, { check: true });
    for (let i = 0; i < 20; i++) session.run({ data: packet });
    session.finish();
    expect(session.difference).toBeUndefined();
    expect(session.stats.hits > 0).toBe(traced);
  });
});

it('`may_goto` ends a loop that does not, in compiled code as in the interpreter', () => {
  const text =
    '.license "GPL"\n.section xdp\n.globl main\nmain:\n\tr0 = 0\nloop:\n\tmay_goto out\n\tr0 += 1\n\tgoto loop\nout:\n\texit\n';
  const machine = new Machine(assemble(text));
  machine.setPacket({ data: packet });
  const engine = new WasmEngine(machine, { verdicts: Verdicts.trusting() });
  expect(engine.run(machine.programs[0] as Machine['programs'][number]).r0).toBe(8n << 20n);
});

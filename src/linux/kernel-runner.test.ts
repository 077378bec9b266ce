import { describe, expect, it } from 'vitest';
import { InputError } from '../base/index.js';
import { assembleUbpf } from '../isa/index.js';
import { type MapSpec, mapSpec, type ObjectSpec, objectSpec, programSpec } from '../object/index.js';
import { Bpf } from './bpf.js';
import { possibleCpus } from './cpus.js';
import { KernelRunner } from './kernel-runner.js';
import { explainRefusal, lastInsn, lastWords } from './refusal.js';

/** What needs a kernel that lets us use bpf(2) is reported as skipped elsewhere. */
const bpf = Bpf.tryOpen();

function object(text: string, maps: readonly MapSpec[] = [], frags = false): ObjectSpec {
  const insns = assembleUbpf(text, {}, 'test');
  const lines = [
    { insn: 0, file: 'prog.c', line: 10, column: 1, text: 'int a;' },
    { insn: 2, file: 'prog.c', line: 12, column: 1, text: 'return *p;' },
  ];
  return objectSpec('test.o', [programSpec(insns, { section: frags ? 'xdp.frags' : 'xdp', frags, lines })], maps);
}

describe('a refusal', () => {
  const log = `0: R1=ctx() R10=fp0
; return *p; @ prog.c:12
2: (71) r0 = *(u8 *)(r2 +0)
R2 !read_ok
processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

  it('is shown as the kernel worded it', () => {
    expect(lastWords(log)).toBe('R2 !read_ok');
    expect(lastInsn(log)).toBe(2);
  });

  it('names the line of the source', () => {
    const spec = object('mov %r0, 0\nmov %r1, 0\nldxb %r0, [%r2]\nexit');
    const [program] = spec.programs;
    if (program === undefined) throw new Error('no program');
    const text = explainRefusal(spec, program, { errno: 13, log }).format();
    expect(text).toContain('prog.c:12');
    expect(text).toContain('R2 !read_ok');
    expect(text).toContain('EACCES');
  });
});

describe.skipIf(bpf === undefined)('a program in the kernel', () => {
  const kernel = bpf as Bpf;

  it('gives verdict, bytes and metadata of each packet', () => {
    const runner = new KernelRunner(kernel, object('ldxw %r2, [%r1+12]\nmov %r0, %r2\nexit'), 'main');
    const data = new Uint8Array(64).fill(3);
    const meta = Uint8Array.of(1, 2, 3, 4);
    const outcome = runner.run({ data, meta });
    expect(outcome).toMatchObject({ verdict: 1, data, meta });
    runner.close();
  });

  it('takes packets of several pages if it says `xdp.frags`, and says what is too short', () => {
    const data = Uint8Array.from({ length: 9000 }, (_, i) => i & 0xff);
    const frags = new KernelRunner(kernel, object('mov %r0, 2\nexit', [], true), 'main');
    expect(frags.run({ data }).data).toEqual(data);
    frags.close();
    const linear = new KernelRunner(kernel, object('mov %r0, 2\nexit'), 'main');
    expect(() => linear.run({ data: new Uint8Array(4) })).toThrow('EINVAL');
    linear.close();
  });

  it('is measured over many runs', () => {
    const runner = new KernelRunner(kernel, object('mov %r0, 2\nexit'), 'main');
    expect(runner.measure(new Uint8Array(64), 1000)).toBeLessThan(1_000_000);
    runner.close();
  });

  it('dumps its maps, with a value for each CPU where there is one', () => {
    const map = mapSpec({ name: 'counts', type: 'percpu_array', keySize: 4, valueSize: 4, maxEntries: 2 });
    const runner = new KernelRunner(kernel, object('mov %r0, 2\nexit', [map]), 'main');
    const value = new Uint8Array(8 * possibleCpus()).fill(0);
    value[0] = 9;
    expect(runner.update(0, Uint8Array.of(1, 0, 0, 0), value)).toBe(0);
    expect(runner.dump()['counts']?.map((entry) => [entry.key[0], entry.value])).toEqual([
      [0, new Uint8Array(value.length)],
      [1, value],
    ]);
    runner.close();
  });

  it('that the verifier refuses is an error with its words and our line', () => {
    const load = (): KernelRunner =>
      new KernelRunner(kernel, object('mov %r0, 0\nmov %r1, 0\nldxb %r0, [%r2]\nexit'), 'main');
    expect(load).toThrow(/R2 !read_ok/);
    expect(load).toThrow(InputError);
  });
});

/**
 * Kernel functions on jitnic's engines beside the running kernel's. The programs of conntrack.c and packet-kfuncs.c
 * note every answer in a variable; the packet that comes out is compared as well.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Interpreter } from '../../src/interp/index.js';
import { WasmEngine } from '../../src/jit/index.js';
import { Bpf, hostBtf, KernelRunner } from '../../src/linux/index.js';
import { type ObjectSpec, type ProgramSpec, readObject } from '../../src/object/index.js';
import { Session } from '../../src/runtime/index.js';
import { Verdicts } from '../../src/verifier/index.js';
import { type Engine, Machine } from '../../src/vm/index.js';

const compiler = 'clang-19';
const compiles = spawnSync(compiler, ['--version']).status === 0;
const bpf = Bpf.tryOpen();
const kernelHas = (name: string): boolean => hostBtf()?.find(name, 'func') !== undefined;

/** Sources, the packet that they get, and a function that only kernels have that have all. */
const sources = [
  { file: 'conntrack.c', length: 64, newest: 'bpf_ct_set_nat_info' },
  { file: 'packet-kfuncs.c', length: 9000, newest: 'bpf_xdp_pull_data' },
];

function compile(file: string): ObjectSpec {
  const source = fileURLToPath(new URL(file, import.meta.url));
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-idirafter', '/usr/include/x86_64-linux-gnu'];
  const { stdout, stderr, status } = spawnSync(compiler, [...flags, '-c', source, '-o', '-']);
  if (status !== 0) throw new Error(stderr.toString());
  return readObject(stdout, { name: file, btf: hostBtf() });
}

/** What one run left behind. */
interface Left {
  readonly verdict: number | undefined;
  readonly notes: readonly number[];
  readonly packet: Uint8Array;
}

const numbersOf = (bytes: Uint8Array = new Uint8Array(0)): number[] => [...new Int32Array(bytes.slice().buffer)];

describe.skipIf(!compiles).each(sources)('$file', ({ file, length, newest }) => {
  const data = Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
  const object = compiles ? compile(file) : undefined;
  const programs = object?.programs ?? [];
  const named = (name: string): ProgramSpec => programs.find((program) => program.name === name) as ProgramSpec;
  const bss = object?.maps.findIndex((map) => map.name.endsWith('.bss')) ?? -1;

  const run = (name: string, make: (machine: Machine) => Engine): Left => {
    const machine = new Machine(object as ObjectSpec);
    machine.setPacket({ data, now: 10_000_000_000n, frags: named(name).frags });
    const program = machine.programs.find(({ spec }) => spec.name === name) as Machine['programs'][number];
    const { verdict } = make(machine).run(program);
    const [entry] = [...(machine.maps[bss] as Machine['maps'][number]).entries()];
    return { verdict, notes: numbersOf(entry?.value), packet: machine.lane.packet.bytes() };
  };

  test.each(programs.map(({ name }) => name))('%s', (name) => {
    const verdicts = Verdicts.of(object as ObjectSpec);
    expect(verdicts.of(named(name)).failure).toBeUndefined();
    const interpreted = run(name, (machine) => new Interpreter(machine));
    expect(interpreted.verdict).toBe(2);
    expect(run(name, (machine) => new WasmEngine(machine, { verdicts }))).toEqual(interpreted);
    // A card leaves such packets to the host, where they change the same.
    const session = new Session(object as ObjectSpec, named(name), { check: true });
    for (let i = 0; i < 4; i++) session.run({ data });
    session.finish();
    expect(session.difference).toBeUndefined();
  });

  test.skipIf(bpf === undefined || !kernelHas(newest)).each(programs.map(({ name }) => name))(
    '%s in the kernel',
    (name) => {
      const runner = new KernelRunner(bpf as Bpf, object as ObjectSpec, name);
      try {
        const { verdict, data: packet } = runner.run({ data });
        const [entry] = [...runner.entries(bss)];
        const left = run(name, (machine) => new Interpreter(machine));
        expect({ verdict, notes: numbersOf(entry?.value), packet }).toEqual(left);
        expect(new Set(left.notes).size).toBeGreaterThan(4);
      } finally {
        runner.close();
      }
    },
  );
});

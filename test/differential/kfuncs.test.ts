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
import { Prng } from '../../src/packet/index.js';
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
  { file: 'rdonly-cast.c', length: 64, newest: 'bpf_rdonly_cast' },
];

/** Packets in whose headers a few bytes vary, from a fixed seed: what the programs of traced-kfuncs.c decide by. */
function variedPackets(count: number): Uint8Array[] {
  const random = new Prng(7);
  return Array.from({ length: count }, () => {
    const packet = Uint8Array.from({ length: 20 + random.below(60) }, (_, i) => (i * 37) & 0xff);
    const tagged = random.below(4) === 0;
    packet.set(tagged ? [0x81, 0, 0, 1, 8, 0] : [8, random.below(8) === 0 ? 6 : 0], 12);
    const ip = tagged ? 18 : 14;
    for (const [at, byte] of [
      [ip, 0x45 + (random.below(4) === 0 ? 1 : 0)],
      [ip + 9, random.below(3) === 0 ? 6 : 17],
      ...[ip + 1, ip + 11, ip + 12, ip + 22, ip + 23].map((at) => [at, random.below(at === ip + 22 ? 256 : 8)]),
    ] as [number, number][])
      if (at < packet.length) packet[at] = byte;
    return packet;
  });
}

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
    expect([2, 3]).toContain(interpreted.verdict);
    expect(run(name, (machine) => new WasmEngine(machine, { verdicts }))).toEqual(interpreted);
    // A card leaves packets in several pieces to the host, where they change the same.
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

describe.skipIf(!compiles).each(['traced-kfuncs.c', 'rdonly-cast.c'])('%s, packet by packet', (file) => {
  const object = compiles ? compile(file) : undefined;
  const programs = object?.programs ?? [];
  const packets = variedPackets(300);

  const ways = [
    ['a compiled card', { cacheSize: 64 }],
    ['a small card', { cacheSize: 2 }],
    ['an uncompiled card', { compiled: false }],
    ['a card without joins', { limits: { joins: false } }],
  ] as const;
  describe.each(programs)('$name', (program) => {
    test('is accepted', () => {
      expect(Verdicts.of(object as ObjectSpec).of(program).failure).toBeUndefined();
    });

    test.each(ways)('on %s', (_, options) => {
      const session = new Session(object as ObjectSpec, program, { ...options, check: true });
      for (const [i, data] of packets.entries()) session.run({ data, time: BigInt(i) * 1000n });
      session.finish();
      expect(session.difference).toBeUndefined();
      const { hits } = session.stats;
      expect(hits).toBeGreaterThan('cacheSize' in options && options.cacheSize === 2 ? 10 : 60);
    });

    test.skipIf(bpf === undefined || !kernelHas('bpf_xdp_pull_data'))('in the kernel', () => {
      const runner = new KernelRunner(bpf as Bpf, object as ObjectSpec, program.name);
      const session = new Session(object as ObjectSpec, program, {});
      try {
        // The kernel's table of connections outlives the program, so each run of the test has flows of its own.
        const flow = crypto.getRandomValues(new Uint8Array(2));
        for (const [i, packet] of packets.entries()) {
          const data = packet.slice();
          if (data.length > 38) data.set(flow, 32);
          const expected = runner.run({ data });
          const { verdict, bytes } = session.run({ data, time: BigInt(i) * 1000n });
          expect([i, verdict, bytes]).toEqual([i, expected.verdict, expected.data]);
        }
        expect(session.stats.hits).toBeGreaterThan(60);
      } finally {
        runner.close();
      }
    });
  });
});

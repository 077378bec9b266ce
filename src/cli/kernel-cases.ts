/** The running kernel as an engine of test cases: BPF_PROG_TEST_RUN. */
import { InputError } from '../base/index.js';
import { type CaseEngine, type CaseRunner, type MapItem, shortArray } from '../cases/index.js';
import { Bpf, fitsTestRun, KernelRingBuffer, KernelRunner } from '../linux/index.js';
import type { ObjectSpec } from '../object/index.js';
import { keyedMaps } from '../platform/index.js';
import { ownAnswersOf } from './run-kernel.js';

/** The engine; where there is no kernel to ask it says why. */
export function kernelEngine(): CaseEngine {
  let bpf: Bpf | string | undefined;
  const open = (): Bpf | string => {
    if (bpf === undefined) {
      try {
        bpf = Bpf.open();
      } catch (error) {
        bpf = error instanceof Error ? error.message : String(error);
      }
    }
    return bpf;
  };
  return {
    name: 'kernel',
    sees: ['ringbuf'],
    missing: (object, program, { cpus }) => {
      const kernel = open();
      if (typeof kernel === 'string') return kernel;
      if (program.attach === 'xdp_cpumap' || program.attach === 'xdp_devmap')
        return `the kernel cannot test-run ${program.attach} programs`;
      if (cpus !== undefined && cpus > 1) return "the number of CPUs is the kernel's own";
      const own = ownAnswersOf(object, program);
      return own.length === 0 ? undefined : `the program reads ${own.join(', ')}, of which the kernel has its own`;
    },
    open: (object, program) => new KernelCase(open() as Bpf, object, program.name),
  };
}

class KernelCase implements CaseRunner {
  private readonly runner: KernelRunner;
  private readonly object: ObjectSpec;
  private readonly rings: { readonly name: string; readonly buffer: KernelRingBuffer }[] = [];

  constructor(bpf: Bpf, object: ObjectSpec, program: string) {
    this.object = object;
    this.runner = new KernelRunner(bpf, object, program);
    for (const { spec, fd } of this.runner.kernel.maps)
      if (spec.type === 'ringbuf')
        this.rings.push({ name: spec.name, buffer: new KernelRingBuffer(bpf, fd, spec.maxEntries) });
  }

  run(input: Parameters<CaseRunner['run']>[0]): ReturnType<CaseRunner['run']> {
    if (!fitsTestRun(input.data.length, this.runner.program))
      throw new InputError(`a packet of ${input.data.length} bytes is none for a test run`);
    if (input.meta !== undefined && input.meta.length > 0)
      throw new InputError('packets are handed over without metadata');
    const { verdict, data } = this.runner.run({ data: input.data, ingressIfindex: input.ingressIfindex });
    const outputs = this.rings.flatMap(({ name, buffer }) =>
      buffer.drain().map((record) => ({ kind: 'ringbuf' as const, map: name, data: record })),
    );
    return { verdict, bytes: data, redirect: 'unseen', outputs, trap: undefined, steps: undefined };
  }

  entries(index: number): readonly MapItem[] | undefined {
    const spec = this.object.maps[index];
    if (spec === undefined || !keyedMaps.has(spec.type)) return undefined;
    return [...this.runner.entries(index, shortArray)];
  }

  lookup(index: number, key: Uint8Array): Uint8Array | undefined {
    const spec = this.object.maps[index];
    return spec === undefined || !keyedMaps.has(spec.type) ? undefined : this.runner.lookup(index, key);
  }

  update(index: number, key: Uint8Array, value: Uint8Array): number {
    const spec = this.object.maps[index];
    return spec === undefined ? -1 : this.runner.update(index, key, this.runner.kernel.translate(spec, value));
  }

  remove(index: number, key: Uint8Array): number {
    return this.runner.remove(index, key);
  }

  /** Only the kernel puts records into a ring buffer, and tables of it need not be filled to see what engines do. */
  fill(): boolean {
    return false;
  }

  close(): void {
    for (const { buffer } of this.rings) buffer.close();
    this.runner.close();
  }
}

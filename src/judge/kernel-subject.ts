/** The running kernel as a {@link Subject}: BPF_PROG_TEST_RUN on one CPU. */
import { InputError } from '../base/index.js';
import {
  type Bpf,
  KernelObject,
  type KernelProgram,
  KernelRingBuffer,
  type LoadRefusal,
  lastWords,
  possibleCpus,
  userValueSize,
} from '../linux/index.js';
import type { MapSpec, ObjectSpec, ProgramTypeName } from '../object/index.js';
import { errnoName } from '../platform/index.js';
import { writtenElements } from '../vm/index.js';
import {
  binary,
  type Contents,
  canonical,
  hex,
  isReadable,
  type Observation,
  type Packet,
  type Subject,
} from './subject.js';

/** The interface and queue that a test run without context stands on: the loopback of this network namespace. */
const loopback = 1;

/** Holds one loaded program and its maps; to be closed. */
export class KernelSubject implements Subject {
  readonly name = 'kernel';
  private readonly bpf: Bpf;
  private readonly object: ObjectSpec;
  private readonly kernel: KernelObject;
  private program: number;
  private readonly cpus = possibleCpus();
  private readonly ctx = new Uint8Array(24);
  private readonly ctxView = new DataView(this.ctx.buffer);
  private readonly isSkb: boolean;
  /** Packets that the kernel did not run. */
  stops = 0;
  private readonly ringBuffers: { readonly name: string; readonly buffer: KernelRingBuffer }[] = [];

  /** Throws InputError with the verifier's last words when the kernel refuses. */
  constructor(bpf: Bpf, object: ObjectSpec, programName: string) {
    this.bpf = bpf;
    this.object = object;
    // Tail call targets have to be loaded too.
    const type = object.programs.find(({ name }) => name === programName)?.type ?? 'unspec';
    this.isSkb = skbRunTypes.includes(type);
    const alike = object.programs.filter((each) => each.type === type).map(({ name }) => name);
    this.kernel = KernelObject.load(bpf, object, this.isSkb ? { programs: alike } : {});
    const loaded = this.kernel.programs.find((p) => p.spec.name === programName)?.loaded;
    if (loaded === undefined) throw new InputError(`no program \`${programName}\``, { file: object.name });
    const refused = [loaded, ...this.tailCallTargets()].find((each) => !('fd' in each));
    if (!('fd' in loaded) || refused !== undefined) {
      this.kernel.close();
      const { errno, log } = (refused ?? loaded) as LoadRefusal; // whichever is none has an fd
      throw new KernelRefusal(errno, log);
    }
    this.program = loaded.fd;
    try {
      for (const { spec, fd } of this.kernel.maps) {
        if (spec.type !== 'ringbuf') continue;
        this.ringBuffers.push({ name: spec.name, buffer: new KernelRingBuffer(bpf, fd, spec.maxEntries) });
      }
    } catch (error) {
      this.close();
      throw error;
    }
    bpf.pinToCpu(0);
  }

  /** Packets go to this program from now on, over the same maps; it was loaded with the others. */
  choose(name: string): void {
    const loaded = this.kernel.programs.find(({ spec }) => spec.name === name)?.loaded;
    if (loaded === undefined || !('fd' in loaded)) throw new InputError(`no program \`${name}\` in the kernel`);
    this.program = loaded.fd;
  }

  /** Programs that the object puts into program arrays: without one of them it is another object. */
  private tailCallTargets(): KernelProgram['loaded'][] {
    const names = new Set(
      this.object.maps.flatMap(({ init }) => (init?.kind === 'programs' ? [...init.slots.values()] : [])),
    );
    return this.kernel.programs.filter(({ spec }) => names.has(spec.name)).map(({ loaded }) => loaded);
  }

  /**
   * BPF_PROG_TEST_RUN takes metadata in front of the packet; the context says where the packet begins (`data`), where
   * it ends and which interface it came from, as offsets into the input.
   */
  run(packet: Packet): Observation {
    if (this.isSkb) return this.runSkb(packet);
    const meta = packet.meta?.length ?? 0;
    let { data } = packet;
    if (packet.meta !== undefined && meta > 0) {
      data = new Uint8Array(meta + packet.data.length);
      data.set(packet.meta);
      data.set(packet.data, meta);
    }
    this.ctxView.setUint32(0, meta, true);
    this.ctxView.setUint32(4, data.length, true);
    this.ctxView.setUint32(12, loopback, true);
    const result = this.bpf.testRun(this.program, { data, ctx: this.ctx });
    if (result.status < 0) return this.stopped(result.status);
    const metaOut = new DataView(result.ctx.buffer, result.ctx.byteOffset).getUint32(0, true);
    return {
      verdict: result.retval,
      data: result.data.slice(metaOut),
      meta: result.data.slice(0, metaOut),
      outputs: this.outputs(),
    };
  }

  /** With a `struct __sk_buff` of zeros; what the program leaves in it is told as metadata. */
  private runSkb({ data }: Packet): Observation {
    const result = this.bpf.testRun(this.program, { data, ctx: new Uint8Array(skbSize) });
    if (result.status < 0) return this.stopped(result.status);
    return { verdict: result.retval, data: result.data.slice(), meta: result.ctx.slice(), outputs: this.outputs() };
  }

  private stopped(status: number): Observation {
    this.stops++;
    const nothing = new Uint8Array(0);
    const stopped = `BPF_PROG_TEST_RUN: ${errnoName(status)}`;
    return { verdict: 0, data: nothing, meta: nothing, outputs: [], stopped };
  }

  private outputs(): string[] {
    return this.ringBuffers.flatMap(({ name, buffer }) => buffer.drain().map((record) => `${name}: ${hex(record)}`));
  }

  update(map: number, key: Uint8Array, value: Uint8Array, flags = 0n): number {
    return this.bpf.mapUpdate(this.fd(map), key, value, flags);
  }

  translate(spec: MapSpec, value: Uint8Array): Uint8Array {
    return this.kernel.translate(spec, value);
  }

  remove(map: number, key: Uint8Array): number {
    return this.bpf.mapDelete(this.fd(map), key);
  }

  /** Elements as sorted pairs; undefined for types that cannot be read. */
  contents(map: number): Contents | undefined {
    const entry = this.kernel.maps[map];
    if (entry === undefined || !isReadable(entry.spec)) return undefined;
    const { spec, fd } = entry;
    const valueSize = userValueSize(spec, this.cpus);
    const found: (readonly [string, string])[] = [];
    const batches = this.bpf.mapBatches(fd, spec.keySize, valueSize, spec.maxEntries);
    let next = batches.next();
    for (; next.done !== true; next = batches.next()) {
      const { count, keys, values } = next.value;
      for (const i of writtenElements(spec, count, values, valueSize)) {
        const key = keys.subarray(i * spec.keySize, (i + 1) * spec.keySize);
        found.push([binary(key), binary(values.subarray(i * valueSize, (i + 1) * valueSize))]);
      }
    }
    if (next.value === 0) return canonical(spec, found);
    for (const key of this.bpf.mapKeys(fd, spec.keySize)) {
      const value = this.bpf.mapLookup(fd, key, valueSize);
      if (typeof value !== 'number') found.push([binary(key), binary(value)]);
    }
    return canonical(spec, found);
  }

  /** Empties a queue or a stack, which can be read in no other way. */
  drain(map: number): readonly string[] {
    const entry = this.kernel.maps[map];
    if (entry === undefined || (entry.spec.type !== 'queue' && entry.spec.type !== 'stack')) return [];
    const drained: string[] = [];
    for (;;) {
      const value = this.bpf.mapLookupAndDelete(entry.fd, new Uint8Array(0), entry.spec.valueSize);
      if (typeof value === 'number') return drained;
      drained.push(hex(value));
    }
  }

  close(): void {
    for (const { buffer } of this.ringBuffers) buffer.close();
    this.kernel.close();
  }

  private fd(map: number): number {
    return this.kernel.maps[map]?.fd ?? -1;
  }
}

/** Program types that a test run hands a socket buffer to. */
export const skbRunTypes: readonly ProgramTypeName[] = ['sched_cls', 'sched_act', 'cgroup_skb', 'socket_filter'];

/** No fewer bytes than any kernel's `struct __sk_buff` has, of which those are written that it has. */
const skbSize = 256;

/** The kernel does not take the program: its log, as worded. */
export class KernelRefusal extends Error {
  readonly errno: number;
  readonly log: string;

  constructor(number: number, log: string) {
    super(`the kernel refuses the program with ${errnoName(number)}: ${lastWords(log)}`);
    this.errno = number;
    this.log = log;
  }
}

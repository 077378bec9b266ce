/**
 * One program of an object in the running kernel, a packet at a time: what `--engine kernel` is made of. Maps keep
 * their contents from packet to packet.
 *
 * BPF_PROG_TEST_RUN carries no verdict out: where a redirected packet would have gone is not to be had, and packets
 * have 14 bytes to 18 pages.
 */
import { InputError, UnsupportedError } from '../base/index.js';
import { needsDevice, type ObjectSpec, type ProgramSpec } from '../object/index.js';
import { errno, errnoName } from '../platform/index.js';
import { writtenElements } from '../vm/index.js';
import type { Bpf } from './bpf.js';
import type { TestRunResult } from './bpf-types.js';
import { possibleCpus } from './cpus.js';
import { KernelObject } from './kernel-object.js';
import { explainRefusal } from './refusal.js';
import { userValueSize } from './value-size.js';

/** Interface that a test run stands on unless told otherwise: the loopback of this network namespace. */
const loopback = 1;
/** struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex. */
const contextSize = 24;

/** A packet for the kernel. */
export interface KernelPacket {
  readonly data: Uint8Array;
  /** Bytes of metadata in front; a multiple of 4, at most 252. */
  readonly meta?: Uint8Array | undefined;
  /** An interface of this network namespace; default loopback. */
  readonly ingressIfindex?: number | undefined;
  /** A receive queue of that interface; default 0. */
  readonly rxQueueIndex?: number | undefined;
}

/** What the kernel made of a packet. */
export interface KernelOutcome {
  /** Low 32 bits of r0. */
  readonly verdict: number;
  /** Copies. */
  readonly data: Uint8Array;
  readonly meta: Uint8Array;
  /** Nanoseconds, as the kernel measured them. */
  readonly duration: number;
}

/** A map's element as the kernel gives it. */
export interface KernelEntry {
  readonly key: Uint8Array;
  /** Per-CPU maps: all CPUs' values, each rounded up to 8 bytes. */
  readonly value: Uint8Array;
}

/** One program of an object in the running kernel, packet by packet by BPF_PROG_TEST_RUN. Close it. */
export class KernelRunner {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly kernel: KernelObject;
  readonly cpus: number = possibleCpus();
  private readonly bpf: Bpf;
  private readonly fd: number;
  private readonly ctx = new Uint8Array(contextSize);
  private readonly ctxView = new DataView(this.ctx.buffer);

  /** Throws InputError when the kernel refuses program or maps: its own words, with the source line they are about. */
  constructor(bpf: Bpf, object: ObjectSpec, programName: string) {
    const program = object.programs.find((candidate) => candidate.name === programName);
    if (program === undefined) throw new InputError(`there is no program \`${programName}\``, { file: object.name });
    if (program.attach === 'xdp_cpumap' || program.attach === 'xdp_devmap')
      throw new UnsupportedError(`the kernel cannot test-run ${program.attach} programs`, { file: object.name });
    if (needsDevice(program))
      throw new UnsupportedError(
        'the kernel runs a program of a device on that device alone: it does not test-run it',
        { file: object.name },
      );
    this.bpf = bpf;
    this.object = object;
    this.program = program;
    this.kernel = KernelObject.load(bpf, object);
    const loaded = this.kernel.programs.find(({ spec }) => spec === program)?.loaded;
    if (loaded === undefined || !('fd' in loaded)) {
      this.kernel.close();
      throw explainRefusal(object, program, loaded);
    }
    this.fd = loaded.fd;
    bpf.pinToCpu(0);
  }

  /** Throws InputError for a packet that a test run does not take. */
  run(packet: KernelPacket): KernelOutcome {
    const meta = packet.meta ?? new Uint8Array(0);
    const data = new Uint8Array(meta.length + packet.data.length);
    data.set(meta);
    data.set(packet.data, meta.length);
    this.ctxView.setUint32(0, meta.length, true);
    this.ctxView.setUint32(4, data.length, true);
    this.ctxView.setUint32(12, packet.ingressIfindex ?? loopback, true);
    this.ctxView.setUint32(16, packet.rxQueueIndex ?? 0, true);
    const result = checked(this.bpf.testRun(this.fd, { data, ctx: this.ctx }), packet);
    const metaOut = new DataView(result.ctx.buffer, result.ctx.byteOffset).getUint32(0, true);
    return {
      verdict: result.retval,
      data: result.data.slice(metaOut),
      meta: result.data.slice(0, metaOut),
      duration: result.duration,
    };
  }

  /**
   * Nanoseconds a run, averaged over `repeat` runs on the same packet, which is not reset between them. The kernel's
   * own overhead of a call (about 15 ms in all) is not in it.
   */
  measure(data: Uint8Array, repeat: number): number {
    return checked(this.bpf.testRun(this.fd, { data, repeat }), { data }).duration;
  }

  /** The value under a key, of a per-CPU map all CPUs'; undefined: there is none. */
  lookup(index: number, key: Uint8Array): Uint8Array | undefined {
    const map = this.kernel.maps[index];
    const value = map === undefined ? -1 : this.bpf.mapLookup(map.fd, key, userValueSize(map.spec, this.cpus));
    return typeof value === 'number' ? undefined : value;
  }

  /** 0 or a negated errno. */
  update(map: number, key: Uint8Array, value: Uint8Array, flags = 0n): number {
    const entry = this.kernel.maps[map];
    return entry === undefined ? -errno.ENOENT : this.bpf.mapUpdate(entry.fd, key, value, flags);
  }

  /** 0 or a negated errno. */
  remove(map: number, key: Uint8Array): number {
    const entry = this.kernel.maps[map];
    return entry === undefined ? -errno.ENOENT : this.bpf.mapDelete(entry.fd, key);
  }

  /**
   * What map `index` holds, in the kernel's order; of an array of more than `most` elements those that are not zero.
   * Types that only empty by reading (queues, ring buffers) and that hold descriptors give nothing.
   */
  *entries(index: number, most?: number): IterableIterator<KernelEntry> {
    const map = this.kernel.maps[index];
    if (map === undefined || map.spec.keySize === 0) return;
    const { spec, fd } = map;
    const valueSize = userValueSize(spec, this.cpus);
    const batches = this.bpf.mapBatches(fd, spec.keySize, valueSize, spec.maxEntries);
    let next = batches.next();
    for (; next.done !== true; next = batches.next()) {
      const { count, keys, values } = next.value;
      for (const i of writtenElements(spec, count, values, valueSize, most)) {
        const key = keys.slice(i * spec.keySize, (i + 1) * spec.keySize);
        yield { key, value: values.slice(i * valueSize, (i + 1) * valueSize) };
      }
    }
    if (next.value === 0) return;
    for (const key of this.bpf.mapKeys(fd, spec.keySize)) {
      const value = this.bpf.mapLookup(fd, key, valueSize);
      if (typeof value !== 'number') yield { key, value };
    }
  }

  /** All maps that can be read, by name. */
  dump(): { readonly [name: string]: readonly KernelEntry[] } {
    return Object.fromEntries(this.kernel.maps.map(({ spec }, i) => [spec.name, [...this.entries(i)]]));
  }

  close(): void {
    this.kernel.close();
  }
}

/** Throws InputError for a packet that the test run refuses. */
function checked(result: TestRunResult, packet: KernelPacket): TestRunResult {
  if (result.status >= 0) return result;
  const { length } = packet.data;
  const hint = `the packet has ${length} bytes; a test run takes 14 to about 70,000, and metadata in fours`;
  throw new InputError(`BPF_PROG_TEST_RUN fails with ${errnoName(result.status)}`, {}, hint);
}

/**
 * bpf(2), typed: one method a command. File descriptors are plain numbers; the kernel frees what they hold when the
 * process ends, however it ends. Expected refusals are values (a negated errno, or {@link LoadRefusal} with the
 * verifier's log).
 */
import { InputError, UnsupportedError } from '../base/index.js';
import { errno, errnoName } from '../platform/index.js';
import * as attr from './attr.js';
import type {
  LoadedFd,
  LoadRefusal,
  MapBatch,
  MapCreateOptions,
  ProgInfo,
  ProgLoadOptions,
  TestRunOptions,
  TestRunResult,
} from './bpf-types.js';
import { type Native, type NativeBuffer, openNative } from './native.js';

const logCapacity = 16 << 20;
const dataCapacity = 1 << 17;
/** A `struct __sk_buff` is the longest context of a test run. */
const ctxCapacity = 256;

/**
 * The bpf(2) system call. Needs Linux and the right to use it: {@link Bpf.open} throws UnsupportedError where it
 * cannot be had. Close what it opens.
 */
export class Bpf {
  private readonly native: Native;
  private readonly attr: NativeBuffer;
  /** Scratch for keys, values, names. */
  private scratch: NativeBuffer;
  private readonly dataIn: NativeBuffer;
  private readonly dataOut: NativeBuffer;
  private readonly ctxIn: NativeBuffer;
  private readonly ctxOut: NativeBuffer;
  private log: NativeBuffer | undefined;
  private batch: NativeBuffer | undefined;

  private constructor(native: Native) {
    this.native = native;
    this.attr = native.allocate(attr.attrSize);
    this.scratch = native.allocate(1 << 16);
    this.dataIn = native.allocate(dataCapacity);
    this.dataOut = native.allocate(dataCapacity);
    this.ctxIn = native.allocate(ctxCapacity);
    this.ctxOut = native.allocate(ctxCapacity);
  }

  /**
   * Opens bpf(2). Throws UnsupportedError with one sentence when this is not Linux, koffi is missing, the kernel has
   * no bpf(2), or this process may not use it.
   */
  static open(): Bpf {
    const bpf = new Bpf(openNative());
    const fd = bpf.mapCreate({ type: 2, keySize: 4, valueSize: 4, maxEntries: 1, name: 'jitnic_probe' });
    if (fd < 0) throw probeError(-fd);
    bpf.close(fd);
    return bpf;
  }

  /** Undefined where {@link open} throws: for those who can do without the kernel. */
  static tryOpen(): Bpf | undefined {
    try {
      return Bpf.open();
    } catch (error) {
      if (error instanceof UnsupportedError) return undefined;
      throw error;
    }
  }

  close(fd: number): void {
    this.native.close(fd);
  }

  /** Pins the calling thread to one CPU, so that per-CPU values and LRU lists have a known place. */
  pinToCpu(cpu: number): number {
    this.reserve(128);
    this.scratch.u8.fill(0, 0, 128);
    this.scratch.u8[cpu >> 3] = 1 << (cpu & 7);
    return this.native.syscall(this.native.numbers.schedSetaffinity, 0, 128, this.scratch.address);
  }

  /** File descriptor, or negated errno. */
  mapCreate(options: MapCreateOptions): number {
    const view = this.clear();
    view.setUint32(attr.mapCreate.type, options.type, true);
    view.setUint32(attr.mapCreate.keySize, options.keySize, true);
    view.setUint32(attr.mapCreate.valueSize, options.valueSize, true);
    view.setUint32(attr.mapCreate.maxEntries, options.maxEntries, true);
    view.setUint32(attr.mapCreate.flags, options.flags ?? 0, true);
    view.setUint32(attr.mapCreate.innerFd, options.innerFd ?? 0, true);
    this.putName(attr.mapCreate.name, options.name ?? '');
    if (options.btf !== undefined) {
      view.setUint32(attr.mapCreate.btfFd, options.btf.fd, true);
      view.setUint32(attr.mapCreate.btfKeyId, options.btf.keyId, true);
      view.setUint32(attr.mapCreate.btfValueId, options.btf.valueId, true);
    }
    view.setBigUint64(attr.mapCreate.extra, options.extra ?? 0n, true);
    return this.call(attr.command.mapCreate);
  }

  /**
   * Value of `valueSize` bytes (for per-CPU maps: all CPUs', each rounded up to 8), or the negated errno. A bloom
   * filter (`key` empty) is asked for the value `input`.
   */
  mapLookup(fd: number, key: Uint8Array, valueSize: number, flags = 0n, input?: Uint8Array): Uint8Array | number {
    const at = this.putElem(fd, key, input, valueSize, flags);
    const status = this.call(attr.command.mapLookup);
    return status < 0 ? status : this.scratch.u8.slice(at, at + valueSize);
  }

  /** Takes the oldest or newest element of a queue or stack (`key` empty), or an element of a hash. */
  mapLookupAndDelete(fd: number, key: Uint8Array, valueSize: number): Uint8Array | number {
    const at = this.putElem(fd, key, undefined, valueSize, 0n);
    const status = this.call(attr.command.mapLookupAndDelete);
    return status < 0 ? status : this.scratch.u8.slice(at, at + valueSize);
  }

  /** 0 or negated errno. */
  mapUpdate(fd: number, key: Uint8Array, value: Uint8Array, flags = 0n): number {
    this.putElem(fd, key, value, value.length, flags);
    return this.call(attr.command.mapUpdate);
  }

  /** 0 or negated errno. */
  mapDelete(fd: number, key: Uint8Array): number {
    this.putElem(fd, key, undefined, 0, 0n);
    return this.call(attr.command.mapDelete);
  }

  /** The key after `key` (the first one without it), or undefined at the end. */
  mapNextKey(fd: number, key: Uint8Array | undefined, keySize: number): Uint8Array | undefined {
    const at = this.putElem(fd, key ?? new Uint8Array(0), undefined, keySize, 0n);
    if (key === undefined) this.attr.view.setBigUint64(attr.mapElem.key, 0n, true);
    return this.call(attr.command.mapNextKey) < 0 ? undefined : this.scratch.u8.slice(at, at + keySize);
  }

  /** All keys, in the kernel's order. */
  *mapKeys(fd: number, keySize: number): IterableIterator<Uint8Array> {
    let key = this.mapNextKey(fd, undefined, keySize);
    while (key !== undefined) {
      yield key;
      key = this.mapNextKey(fd, key, keySize);
    }
  }

  /**
   * All elements of an array or hash, some tens of thousands at a time: keys and values one after another, `valueSize`
   * as in {@link mapLookup}. Returns 0 at the end, or a negated errno where the map type has no batches.
   */
  *mapBatches(fd: number, keySize: number, valueSize: number, maxEntries: number): Generator<MapBatch, number> {
    // A hash bucket comes whole or not at all, so leave room for long ones.
    const chunk = Math.min(maxEntries + 64, 1 << 16);
    const batchKey = Math.max(8, keySize);
    const keysAt = 2 * batchKey;
    const valuesAt = keysAt + ((chunk * keySize + 7) & ~7);
    const needed = valuesAt + chunk * valueSize;
    if (this.batch === undefined || this.batch.u8.length < needed) {
      this.batch?.free();
      this.batch = this.native.allocate(needed);
    }
    const buffer = this.batch;
    let status = 0;
    for (let first = true; status === 0; first = false) {
      const view = this.clear();
      if (!first) view.setBigUint64(attr.mapBatch.inBatch, buffer.address, true);
      view.setBigUint64(attr.mapBatch.outBatch, buffer.address + BigInt(batchKey), true);
      view.setBigUint64(attr.mapBatch.keys, buffer.address + BigInt(keysAt), true);
      view.setBigUint64(attr.mapBatch.values, buffer.address + BigInt(valuesAt), true);
      view.setUint32(attr.mapBatch.count, chunk, true);
      view.setUint32(attr.mapBatch.fd, fd, true);
      status = this.call(attr.command.mapLookupBatch);
      if (status < 0 && status !== -errno.ENOENT) break;
      const got = view.getUint32(attr.mapBatch.count, true);
      const keys = new Uint8Array(buffer.u8.subarray(keysAt, keysAt + got * keySize));
      const values = new Uint8Array(buffer.u8.subarray(valuesAt, valuesAt + got * valueSize));
      buffer.u8.copyWithin(0, batchKey, 2 * batchKey);
      yield { count: got, keys, values };
    }
    return status === -errno.ENOENT ? 0 : status;
  }

  /** Makes a map read-only for user space, as libbpf does with `.rodata`. 0 or negated errno. */
  mapFreeze(fd: number): number {
    this.clear().setUint32(0, fd, true);
    return this.call(attr.command.mapFreeze);
  }

  /** mmap(2) of a map's memory (ring buffer pages, BPF_F_MMAPABLE arrays). */
  mapMemory(fd: number, length: number, writable: boolean, offset = 0): NativeBuffer {
    return this.native.map(fd, length, writable, offset);
  }

  /** File descriptor or what the kernel says against the BTF. */
  btfLoad(btf: Uint8Array): LoadedFd | LoadRefusal {
    const copy = this.native.allocate(btf.length);
    copy.u8.set(btf);
    const load = (level: number): number => {
      const view = this.clear();
      view.setBigUint64(attr.btfLoad.btf, copy.address, true);
      view.setUint32(attr.btfLoad.size, btf.length, true);
      if (level > 0) {
        const log = this.logBuffer();
        view.setBigUint64(attr.btfLoad.logBuffer, log.address, true);
        view.setUint32(attr.btfLoad.logSize, log.u8.length, true);
        view.setUint32(attr.btfLoad.logLevel, level, true);
      }
      return this.call(attr.command.btfLoad);
    };
    let fd = load(0);
    let log = '';
    if (fd < 0) {
      fd = load(1);
      log = this.logText();
    }
    copy.free();
    return fd < 0 ? { errno: -fd, log } : { fd, log };
  }

  /** Loads a program. A refusal is a value, with the verifier's log. */
  progLoad(options: ProgLoadOptions): LoadedFd | LoadRefusal {
    // Instructions, license, name and tables go into one buffer, since the attribute has addresses.
    const encoder = new TextEncoder();
    const license = encoder.encode(`${options.license}\0`);
    const { funcInfo = new Uint8Array(0), lineInfo = new Uint8Array(0) } = options.btf ?? {};
    const align = (n: number): number => (n + 7) & ~7;
    const at = {
      insns: 0,
      license: align(options.insns.length),
      funcInfo: align(options.insns.length) + align(license.length),
      lineInfo: align(options.insns.length) + align(license.length) + align(funcInfo.length),
    };
    const buffer = this.native.allocate(at.lineInfo + align(lineInfo.length) + 8);
    buffer.u8.set(options.insns, at.insns);
    buffer.u8.set(license, at.license);
    buffer.u8.set(funcInfo, at.funcInfo);
    buffer.u8.set(lineInfo, at.lineInfo);
    const type = options.type ?? attr.progTypeXdp;

    const load = (level: number): number => {
      const view = this.clear();
      view.setUint32(attr.progLoad.type, type, true);
      view.setUint32(attr.progLoad.insnCount, options.insns.length / 8, true);
      view.setBigUint64(attr.progLoad.insns, buffer.address, true);
      view.setBigUint64(attr.progLoad.license, buffer.address + BigInt(at.license), true);
      view.setUint32(attr.progLoad.kernelVersion, options.kernelVersion ?? 0, true);
      view.setUint32(attr.progLoad.flags, options.flags ?? 0, true);
      view.setUint32(attr.progLoad.ifindex, options.ifindex ?? 0, true);
      this.putName(attr.progLoad.name, options.name ?? '');
      const attach = options.expectedAttachType ?? (type === attr.progTypeXdp ? attr.attachTypes.xdp : 0);
      view.setUint32(attr.progLoad.expectedAttachType, attach, true);
      if (options.btf !== undefined) {
        view.setUint32(attr.progLoad.btfFd, options.btf.fd, true);
        if (funcInfo.length > 0) {
          view.setUint32(attr.progLoad.funcInfoSize, options.btf.funcInfoSize, true);
          view.setBigUint64(attr.progLoad.funcInfo, buffer.address + BigInt(at.funcInfo), true);
          view.setUint32(attr.progLoad.funcInfoCount, funcInfo.length / options.btf.funcInfoSize, true);
        }
        if (lineInfo.length > 0) {
          view.setUint32(attr.progLoad.lineInfoSize, options.btf.lineInfoSize, true);
          view.setBigUint64(attr.progLoad.lineInfo, buffer.address + BigInt(at.lineInfo), true);
          view.setUint32(attr.progLoad.lineInfoCount, lineInfo.length / options.btf.lineInfoSize, true);
        }
      }
      if (level > 0) {
        const log = this.logBuffer();
        view.setUint32(attr.progLoad.logLevel, level, true);
        view.setUint32(attr.progLoad.logSize, log.u8.length, true);
        view.setBigUint64(attr.progLoad.logBuffer, log.address, true);
      }
      return this.call(attr.command.progLoad);
    };

    let fd = load(options.logLevel ?? 0);
    // The verifier may lose a race with a busy machine (signals); the kernel then asks to try again.
    for (let tries = 0; fd === -errno.EAGAIN && tries < 5; tries++) fd = load(options.logLevel ?? 0);
    let log = (options.logLevel ?? 0) > 0 ? this.logText() : '';
    if (fd < 0 && log === '' && options.refusalLog !== false) {
      const again = load(1);
      log = this.logText();
      if (again >= 0) fd = again;
    }
    buffer.free();
    return fd < 0 ? { errno: -fd, log } : { fd, log };
  }

  /** BPF_PROG_TEST_RUN. A run takes some 3 microseconds, most of it the system call's. */
  testRun(fd: number, options: TestRunOptions): TestRunResult {
    if (options.data.length > dataCapacity) throw new InputError(`packet of ${options.data.length} bytes is too long`);
    this.dataIn.u8.set(options.data);
    const view = this.clear();
    view.setUint32(attr.testRun.fd, fd, true);
    view.setUint32(attr.testRun.dataSizeIn, options.data.length, true);
    view.setUint32(attr.testRun.dataSizeOut, dataCapacity, true);
    view.setBigUint64(attr.testRun.dataIn, this.dataIn.address, true);
    view.setBigUint64(attr.testRun.dataOut, this.dataOut.address, true);
    view.setUint32(attr.testRun.repeat, options.repeat ?? 0, true);
    view.setUint32(attr.testRun.flags, options.flags ?? 0, true);
    if (options.ctx !== undefined) {
      this.ctxIn.u8.set(options.ctx);
      view.setUint32(attr.testRun.ctxSizeIn, options.ctx.length, true);
      view.setBigUint64(attr.testRun.ctxIn, this.ctxIn.address, true);
      view.setUint32(attr.testRun.ctxSizeOut, options.ctx.length, true);
      view.setBigUint64(attr.testRun.ctxOut, this.ctxOut.address, true);
    }
    if ((options.flags ?? 0) !== 0) {
      // Live frames are transmitted or passed on for real: there is no data to give back, and the kernel wants none
      // asked for.
      view.setUint32(attr.testRun.dataSizeOut, 0, true);
      view.setBigUint64(attr.testRun.dataOut, 0n, true);
    }
    const status = this.call(attr.command.progTestRun);
    return {
      status,
      retval: view.getUint32(attr.testRun.retval, true),
      data: this.dataOut.u8.subarray(0, status < 0 ? 0 : view.getUint32(attr.testRun.dataSizeOut, true)),
      ctx: this.ctxOut.u8.subarray(0, status < 0 ? 0 : view.getUint32(attr.testRun.ctxSizeOut, true)),
      duration: view.getUint32(attr.testRun.duration, true),
    };
  }

  /** What the kernel says of a loaded program, its code as translated and as compiled included. Throws InputError. */
  progInfo(fd: number): ProgInfo {
    // Asked twice: the kernel first says how long the code is, then fills it in.
    const info = this.native.allocate(attr.progInfo.size);
    const get = (): void => {
      const view = this.clear();
      view.setUint32(attr.infoByFd.fd, fd, true);
      view.setUint32(attr.infoByFd.length, attr.progInfo.size, true);
      view.setBigUint64(attr.infoByFd.info, info.address, true);
      const status = this.call(attr.command.infoByFd);
      if (status < 0) throw new InputError(`program information: ${errnoName(status)}`);
    };
    get();
    const xlatedLength = info.view.getUint32(attr.progInfo.xlatedLength, true);
    const jitedLength = info.view.getUint32(attr.progInfo.jitedLength, true);
    const code = this.native.allocate(xlatedLength + jitedLength + 1);
    info.u8.fill(0);
    info.view.setUint32(attr.progInfo.xlatedLength, xlatedLength, true);
    info.view.setBigUint64(attr.progInfo.xlated, code.address, true);
    info.view.setUint32(attr.progInfo.jitedLength, jitedLength, true);
    info.view.setBigUint64(attr.progInfo.jited, code.address + BigInt(xlatedLength), true);
    get();
    const tag = [...info.u8.subarray(attr.progInfo.tag, attr.progInfo.tag + 8)];
    const name = info.u8.subarray(attr.progInfo.name, attr.progInfo.name + 16);
    const result: ProgInfo = {
      id: info.view.getUint32(attr.progInfo.id, true),
      tag: tag.map((byte) => byte.toString(16).padStart(2, '0')).join(''),
      name: new TextDecoder().decode(name).replace(/\0.*$/s, ''),
      xlated: code.u8.slice(0, xlatedLength),
      jited: code.u8.slice(xlatedLength, xlatedLength + jitedLength),
      runTime: info.view.getBigUint64(attr.progInfo.runTime, true),
      runCount: info.view.getBigUint64(attr.progInfo.runCount, true),
      verifiedInsns: info.view.getUint32(attr.progInfo.verifiedInsns, true),
    };
    code.free();
    info.free();
    return result;
  }

  /** Pins a map, program or link in the BPF file system. 0 or negated errno. */
  pin(fd: number, path: string): number {
    const view = this.putPath(path);
    view.setUint32(attr.objPin.fd, fd, true);
    return this.call(attr.command.objPin);
  }

  /** File descriptor of a pinned object, or negated errno. */
  getPinned(path: string): number {
    this.putPath(path);
    return this.call(attr.command.objGet);
  }

  /** Attaches an XDP program to an interface; it stays attached as long as the returned descriptor is open. */
  linkXdp(progFd: number, ifindex: number, flags = 0): number {
    const view = this.clear();
    view.setUint32(attr.linkCreate.progFd, progFd, true);
    view.setUint32(attr.linkCreate.ifindex, ifindex, true);
    view.setUint32(attr.linkCreate.attachType, attr.attachTypes.xdp, true);
    view.setUint32(attr.linkCreate.flags, flags, true);
    return this.call(attr.command.linkCreate);
  }

  private call(number: number): number {
    return this.native.syscall(this.native.numbers.bpf, number, this.attr.address, attr.attrSize);
  }

  private clear(): DataView {
    this.attr.u8.fill(0);
    return this.attr.view;
  }

  /** Makes room in the buffer that arguments are put into; what is in it may go. */
  private reserve(length: number): void {
    if (length <= this.scratch.u8.length) return;
    this.scratch.free();
    this.scratch = this.native.allocate(length * 2);
  }

  /** Lays out key and value in scratch memory and fills the attribute; returns where the value stands. */
  private putElem(
    fd: number,
    key: Uint8Array,
    value: Uint8Array | undefined,
    valueSize: number,
    flags: bigint,
  ): number {
    const valueAt = (key.length + 7) & ~7;
    this.reserve(valueAt + valueSize);
    this.scratch.u8.set(key);
    if (value !== undefined) this.scratch.u8.set(value, valueAt);
    const view = this.clear();
    view.setUint32(attr.mapElem.fd, fd, true);
    // Queues, stacks and bloom filters have no key, and the kernel insists on a null pointer.
    if (key.length > 0) view.setBigUint64(attr.mapElem.key, this.scratch.address, true);
    if (valueSize > 0) view.setBigUint64(attr.mapElem.value, this.scratch.address + BigInt(valueAt), true);
    view.setBigUint64(attr.mapElem.flags, flags, true);
    return valueAt;
  }

  /** Object names hold letters, digits, `_` and `.`, at most 15. */
  private putName(at: number, name: string): void {
    const clean = name.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 15);
    for (let i = 0; i < clean.length; i++) this.attr.u8[at + i] = clean.charCodeAt(i);
  }

  /** The attribute of BPF_OBJ_PIN and BPF_OBJ_GET, path set. */
  private putPath(path: string): DataView {
    const bytes = new TextEncoder().encode(`${path}\0`);
    this.reserve(bytes.length);
    this.scratch.u8.set(bytes);
    const view = this.clear();
    view.setBigUint64(attr.objPin.path, this.scratch.address, true);
    return view;
  }

  /** One buffer for logs of the verifier; it is large, so it is made when the first is asked for. */
  private logBuffer(): NativeBuffer {
    this.log ??= this.native.allocate(logCapacity);
    this.log.u8[0] = 0;
    return this.log;
  }

  /** What the kernel wrote, up to the zero. */
  private logText(): string {
    const log = this.log;
    if (log === undefined) return '';
    const end = log.u8.indexOf(0);
    return new TextDecoder().decode(log.u8.slice(0, end < 0 ? log.u8.length : end));
  }
}

/** Why bpf(2) cannot be used at all, from the first call's error. */
function probeError(number: number): UnsupportedError {
  if (number === errno.EPERM || number === errno.EACCES) {
    return new UnsupportedError(
      'this process may not use bpf(2)',
      {},
      'run as root or with CAP_BPF and CAP_NET_ADMIN, and see whether the kernel is locked down (`/sys/kernel/security/lockdown`)',
    );
  }
  if (number === 38) return new UnsupportedError('this kernel was built without bpf(2)');
  return new UnsupportedError(`bpf(2) does not work here: ${errnoName(number)}`);
}

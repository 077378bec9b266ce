/**
 * An {@link ObjectSpec} brought to life in the running kernel: its maps created and filled, its programs loaded with
 * file descriptors in place of indexes, its BTF with function and line information beside them.
 */
import { InputError } from '../base/index.js';
import { encodeInsns, type Insn, op } from '../isa/index.js';
import { type ExternSpec, type MapSpec, needsDevice, type ObjectSpec, type ProgramSpec } from '../object/index.js';
import { errno, errnoName, mapFlags } from '../platform/index.js';
import * as attr from './attr.js';
import type { Bpf } from './bpf.js';
import type { LoadRefusal } from './bpf-types.js';
import { makeBtfImage } from './btf-image.js';
import { possibleCpus } from './cpus.js';
import { hostBtf } from './host-btf.js';
import { nativeDevice } from './native-device.js';

/** Map types whose keys and values the kernel does not let BTF describe. */
const withoutBtf: ReadonlySet<string> = new Set([
  'perf_event_array',
  'cgroup_array',
  'stack_trace',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'devmap_hash',
  'cpumap',
  'xskmap',
  'sockmap',
  'sockhash',
  'queue',
  'stack',
  'ringbuf',
  'user_ringbuf',
  'prog_array',
  'bloom_filter',
]);

/** Map types whose values hold descriptors, and of what. */
const descriptorMaps: Readonly<Partial<Record<MapSpec['type'], 'map' | 'program'>>> = {
  prog_array: 'program',
  devmap: 'program',
  devmap_hash: 'program',
  cpumap: 'program',
  array_of_maps: 'map',
  hash_of_maps: 'map',
};

/** A map of an object in the kernel. */
export interface KernelMap {
  readonly spec: MapSpec;
  readonly fd: number;
}

/** How one program is loaded. */
export interface ProgramLoadOptions {
  /** BPF_F_STRICT_ALIGNMENT: accesses have to be aligned as on machines that need it. */
  readonly strictAlignment?: boolean;
  /** Device of programs that need one; default: any that takes them. */
  readonly ifindex?: number | undefined;
  /** Verifier log level for programs that load. */
  readonly logLevel?: number;
  /** False: why a program is refused does not matter. */
  readonly refusalLog?: boolean;
}

/** How an object is loaded into the kernel. */
export interface KernelLoadOptions extends ProgramLoadOptions {
  /** Programs to load; default all of type XDP (and those without a type). */
  readonly programs?: readonly string[];
  /** Without BTF, func and line info, as a bare loader would. */
  readonly withoutBtf?: boolean;
}

/** A program of an object in the kernel. */
export interface KernelProgram {
  readonly spec: ProgramSpec;
  /** Descriptor, or why the kernel refused. */
  readonly loaded: { readonly fd: number; readonly log: string } | LoadRefusal;
}

/** Why a program that needs a device is not loaded. */
const noDevice = 'no network device here has a driver that runs XDP';

/** In place of a map that the object does not have: the verifier says so. */
const noFd = -1;

/** The object's BTF in the kernel, and where texts of line records are in its strings. */
interface LoadedBtf {
  readonly fd: number;
  readonly offsets: ReadonlyMap<string, number>;
}

/** An {@link ObjectSpec} alive in the running kernel: its maps and programs as file descriptors. Close it. */
export class KernelObject {
  readonly maps: KernelMap[] = [];
  readonly programs: KernelProgram[] = [];
  private readonly bpf: Bpf;
  private readonly object: ObjectSpec;
  private btf: LoadedBtf | undefined;

  private constructor(bpf: Bpf, object: ObjectSpec) {
    this.bpf = bpf;
    this.object = object;
  }

  /** Throws InputError when a map cannot be created; a refused program is a value in `programs`. */
  static load(bpf: Bpf, object: ObjectSpec, options: KernelLoadOptions = {}): KernelObject {
    const kernel = new KernelObject(bpf, object);
    try {
      if (options.withoutBtf !== true) kernel.btf = kernel.loadBtf();
      for (const spec of object.maps) kernel.maps.push({ spec, fd: kernel.createMap(spec) });
      kernel.fillMaps();
      for (const spec of object.programs) {
        const wanted = options.programs?.includes(spec.name) ?? (spec.type === 'xdp' || spec.type === 'unspec');
        if (wanted) kernel.programs.push({ spec, loaded: kernel.loadProgram(spec, options) });
      }
      kernel.fillProgramArrays();
    } catch (error) {
      kernel.close();
      throw error;
    }
    return kernel;
  }

  /** Descriptor of a loaded program, or undefined. */
  programFd(name: string): number | undefined {
    const program = this.programs.find((p) => p.spec.name === name);
    return program !== undefined && 'fd' in program.loaded ? program.loaded.fd : undefined;
  }

  /**
   * A value as the kernel takes it: descriptors in place of the numbers (index plus 1) that stand for programs and
   * maps in a machine.
   */
  translate(spec: MapSpec, value: Uint8Array): Uint8Array {
    const at = spec.type === 'devmap' || spec.type === 'devmap_hash' || spec.type === 'cpumap' ? 4 : 0;
    const fdOf = descriptorMaps[spec.type];
    if (fdOf === undefined || at + 4 > value.length) return value;
    const number = new DataView(value.buffer, value.byteOffset).getUint32(at, true);
    if (number === 0) return value;
    const translated = value.slice();
    const fd =
      fdOf === 'map' ? this.maps[number - 1]?.fd : this.programFd(this.object.programs[number - 1]?.name ?? '');
    new DataView(translated.buffer).setInt32(at, fd ?? -1, true);
    return translated;
  }

  close(): void {
    for (const { loaded } of this.programs) if ('fd' in loaded) this.bpf.close(loaded.fd);
    for (const { fd } of this.maps) this.bpf.close(fd);
    if (this.btf !== undefined) this.bpf.close(this.btf.fd);
    this.programs.length = 0;
    this.maps.length = 0;
    this.btf = undefined;
  }

  /** Loads the types, with the texts of all lines added. */
  private loadBtf(): LoadedBtf | undefined {
    if (this.object.btf === undefined) return undefined;
    const texts = this.object.programs.flatMap((p) => p.lines.flatMap((line) => [line.file, line.text]));
    const image = makeBtfImage(this.object.btf.bytes, texts);
    const loaded = this.bpf.btfLoad(image.bytes);
    // As with libbpf, BTF is an aid: without it the kernel takes all programs but those that need it, and says so
    // then.
    return 'fd' in loaded ? { fd: loaded.fd, offsets: image.offsets } : undefined;
  }

  /** Creates one map; inner maps serve as a pattern and are closed again by whoever made them. */
  private createMap(spec: MapSpec): number {
    let innerFd: number | undefined;
    if (spec.type === 'array_of_maps' || spec.type === 'hash_of_maps') {
      if (spec.inner === undefined) throw new InputError(`map \`${spec.name}\` does not say what its inner maps are`);
      innerFd = this.createMap(spec.inner);
    }
    const base = {
      type: spec.typeNumber,
      keySize: spec.keySize,
      valueSize: spec.valueSize,
      // A perf event array of no declared size has a slot for each CPU.
      maxEntries: spec.maxEntries === 0 && spec.type === 'perf_event_array' ? possibleCpus() : spec.maxEntries,
      flags: spec.flags,
      name: spec.name,
      extra: spec.extra,
      ...(innerFd === undefined ? {} : { innerFd }),
    };
    let fd = -1;
    if (this.btf !== undefined && spec.btfValueId !== 0 && !withoutBtf.has(spec.type)) {
      fd = this.bpf.mapCreate({ ...base, btf: { fd: this.btf.fd, keyId: spec.btfKeyId, valueId: spec.btfValueId } });
    }
    if (fd < 0) fd = this.bpf.mapCreate(base);
    if (innerFd !== undefined) this.bpf.close(innerFd);
    if (fd < 0) {
      const shape = `${spec.type}, key ${spec.keySize} B, value ${spec.valueSize} B, ${spec.maxEntries} entries`;
      throw new InputError(`the kernel refuses map \`${spec.name}\` (${shape}) with ${errnoName(fd)}`, {
        file: this.object.name,
        section: spec.section,
      });
    }
    return fd;
  }

  /** Data sections and maps of maps. Read-only data is frozen, so that the verifier may take it for constant. */
  private fillMaps(): void {
    for (const { spec, fd } of this.maps) {
      if (spec.init?.kind === 'data') {
        const status = this.bpf.mapUpdate(fd, new Uint8Array(4), spec.init.bytes);
        if (status < 0) throw new InputError(`filling map \`${spec.name}\`: ${errnoName(status)}`);
        if ((spec.flags & mapFlags.rdonlyProg) !== 0) this.bpf.mapFreeze(fd);
      } else if (spec.init?.kind === 'maps') {
        for (const [slot, index] of spec.init.slots) this.putFd(spec, fd, slot, this.maps[index]?.fd);
      }
    }
  }

  /** Once all programs are loaded; a program that was refused leaves its slot empty. */
  private fillProgramArrays(): void {
    for (const { spec, fd } of this.maps) {
      if (spec.init?.kind !== 'programs') continue;
      for (const [slot, name] of spec.init.slots) this.putFd(spec, fd, slot, this.programFd(name));
    }
  }

  private putFd(spec: MapSpec, mapFd: number, slot: number, fd: number | undefined): void {
    if (fd === undefined) return;
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, slot, true);
    const value = new Uint8Array(4);
    new DataView(value.buffer).setUint32(0, fd, true);
    const status = this.bpf.mapUpdate(mapFd, key, value);
    if (status < 0) throw new InputError(`filling slot ${slot} of map \`${spec.name}\`: ${errnoName(status)}`);
  }

  /**
   * Loads one program beside the object's maps: one of its own, or a variant of it. The descriptor is the caller's to
   * close.
   */
  loadProgram(spec: ProgramSpec, options: ProgramLoadOptions = {}): KernelProgram['loaded'] {
    // A loader refuses what names a symbol that has no value before the kernel is asked, which would see no more than
    // a number. Numbers that the program itself has are the kernel's to refuse.
    const unloadable = spec.unresolved.find(({ poisoned, symbol }) => poisoned !== true && symbol !== undefined);
    if (unloadable !== undefined) return { errno: errno.EINVAL, log: `${unloadable.what}\n` };
    const unresolved = spec.unresolved[0];
    const insns = encodeInsns(spec.insns.map((insn, pc) => this.resolve(spec, insn, spec.insns[pc - 1])));
    const attach = spec.attach ?? 'xdp';
    const bound = needsDevice(spec);
    const ifindex = bound ? (options.ifindex ?? nativeDevice(this.bpf)) : undefined;
    if (bound && ifindex === undefined) return { errno: errno.EOPNOTSUPP, log: `${noDevice}\n` };
    const type = attr.plainProgTypes[spec.type] ?? attr.progTypeXdp;
    const loaded = this.bpf.progLoad({
      insns,
      license: this.object.license,
      name: spec.name,
      type,
      ...(type === attr.progTypeXdp ? { expectedAttachType: attr.attachTypes[attach] } : {}),
      flags:
        (spec.frags ? attr.progFlags.xdpHasFrags : 0) |
        (bound ? attr.progFlags.xdpDevBoundOnly : 0) |
        (options.strictAlignment === true ? attr.progFlags.strictAlignment : 0),
      ifindex,
      kernelVersion: this.object.version,
      logLevel: options.logLevel ?? 0,
      refusalLog: options.refusalLog ?? true,
      ...this.debugInfo(spec),
    });
    if ('fd' in loaded || unresolved === undefined) return loaded;
    return { errno: loaded.errno, log: `${unresolved.what}\n${loaded.log}` };
  }

  /**
   * Puts descriptors and BTF ids where the spec has indexes. The second slot of a 64-bit load follows its first and
   * needs nothing.
   */
  private resolve(spec: ProgramSpec, insn: Insn, before: Insn | undefined): Insn {
    if (before?.code === op.LDDW) return insn;
    if (insn.code === op.CALL_OP && insn.src === op.CALL_KFUNC) return this.resolveExtern(spec.kfuncs, insn, 'func');
    if (insn.code !== op.LDDW) return insn;
    if (insn.src === op.PSEUDO_BTF_ID) return this.resolveExtern(spec.ksyms, insn, 'var');
    if (insn.src !== op.PSEUDO_MAP_FD && insn.src !== op.PSEUDO_MAP_VALUE) return insn;
    return { ...insn, imm: this.maps[insn.imm]?.fd ?? noFd };
  }

  /** An extern's id in the kernel's BTF; one that it does not have stays as it is, and the verifier says so. */
  private resolveExtern(externs: readonly ExternSpec[], insn: Insn, kind: 'func' | 'var'): Insn {
    const name = externs[insn.imm]?.name;
    const id = name === undefined ? undefined : hostBtf()?.find(name, kind)?.id;
    return id === undefined ? insn : { ...insn, imm: id };
  }

  /** Function and line info, if complete enough for the kernel: a record for each function. */
  private debugInfo(spec: ProgramSpec): Pick<Parameters<Bpf['progLoad']>[0], 'btf'> {
    const btf = this.btf;
    if (btf === undefined || spec.functions.some((f) => f.btfId === 0)) return {};
    const funcInfo = new Uint8Array(spec.functions.length * 8);
    const funcs = new DataView(funcInfo.buffer);
    for (const [i, f] of spec.functions.entries()) {
      funcs.setUint32(i * 8, f.start, true);
      funcs.setUint32(i * 8 + 4, f.btfId, true);
    }
    const starts = new Set(spec.lines.map((line) => line.insn));
    const lines = spec.functions.every((f) => starts.has(f.start)) ? spec.lines : [];
    const lineInfo = new Uint8Array(lines.length * 16);
    const view = new DataView(lineInfo.buffer);
    for (const [i, line] of lines.entries()) {
      view.setUint32(i * 16, line.insn, true);
      view.setUint32(i * 16 + 4, btf.offsets.get(line.file) ?? 0, true);
      view.setUint32(i * 16 + 8, btf.offsets.get(line.text) ?? 0, true);
      view.setUint32(i * 16 + 12, ((line.line << 10) | (line.column & 0x3ff)) >>> 0, true);
    }
    return { btf: { fd: btf.fd, funcInfo, funcInfoSize: 8, lineInfo, lineInfoSize: 16 } };
  }
}

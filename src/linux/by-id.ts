/**
 * What is already in the kernel, whoever brought it there: programs, maps, types and links by their ids, what the
 * kernel says of each, and links given another program. The by-id commands of bpf(2) need CAP_SYS_ADMIN; refusals are
 * negated errnos.
 */
import { readFileSync } from 'node:fs';
import { InputError } from '../base/index.js';
import { errno, errnoName } from '../platform/index.js';
import * as attr from './attr.js';
import { type Native, type NativeBuffer, openNative } from './native.js';

/** Kinds of objects that have ids. */
export type IdKind = 'program' | 'map' | 'btf' | 'link';

/** A program's description, as far as another one can be made of it. */
export interface AttachedProgram {
  readonly id: number;
  /** enum bpf_prog_type. */
  readonly type: number;
  /** 16 hex digits: the first 8 bytes of the hash of its instructions as they were loaded. */
  readonly tag: string;
  readonly name: string;
  /** Instructions as the verifier rewrote them. */
  readonly xlated: Uint8Array;
  readonly mapIds: readonly number[];
  readonly isGpl: boolean;
  /** 0: it has none. */
  readonly btfId: number;
  /** First slot (of {@link xlated}) and type of each function; empty without BTF. */
  readonly functions: readonly { readonly start: number; readonly btfId: number }[];
  readonly jitedLength: number;
  /** Nanoseconds and runs, counted while statistics are on. */
  readonly runTime: bigint;
  readonly runCount: bigint;
  readonly verifiedInsns: number;
}

/** A map's description. */
export interface AttachedMap {
  readonly id: number;
  /** enum bpf_map_type. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly name: string;
  readonly btfId: number;
  readonly btfKeyId: number;
  readonly btfValueId: number;
  readonly extra: bigint;
  /** User space may not change it any more. */
  readonly isFrozen: boolean;
}

/** A link's description. */
export interface AttachedLink {
  readonly id: number;
  /** enum bpf_link_type. */
  readonly type: number;
  readonly programId: number;
  /** Of an XDP link; 0: it is dead. */
  readonly ifindex: number;
}

/** enum bpf_link_type, as far as it is used. */
export const linkTypes = { iter: 4, xdp: 6 } as const;

const nextCommand: Readonly<Record<IdKind, number>> = {
  program: attr.command.progNextId,
  map: attr.command.mapNextId,
  btf: attr.command.btfNextId,
  link: attr.command.linkNextId,
};
const openCommand: Readonly<Record<IdKind, number>> = {
  program: attr.command.progFdById,
  map: attr.command.mapFdById,
  btf: attr.command.btfFdById,
  link: attr.command.linkFdById,
};

/** bpf(2), as far as it is about what others loaded. Needs Linux and koffi, like {@link Bpf}. */
export class KernelIds {
  private readonly native: Native = openNative();
  private readonly attr: NativeBuffer = this.native.allocate(attr.attrSize);

  /** Descriptor, or negated errno: `-EPERM` without CAP_SYS_ADMIN, `-ENOENT` where nothing has the id. */
  open(kind: IdKind, id: number): number {
    this.clear().setUint32(0, id, true);
    return this.call(openCommand[kind]);
  }

  /** All ids of a kind, in ascending order. Throws InputError where the kernel does not tell. */
  *ids(kind: IdKind): Generator<number, void> {
    for (let id = 0; ; ) {
      this.clear().setUint32(0, id, true);
      const status = this.call(nextCommand[kind]);
      if (status === -errno.ENOENT) return;
      if (status < 0) throw new InputError(`the kernel does not list its ${kind}s: ${errnoName(status)}`);
      id = this.attr.view.getUint32(4, true);
      yield id;
    }
  }

  close(fd: number): void {
    this.native.close(fd);
  }

  /** Throws InputError. */
  program(fd: number): AttachedProgram {
    const at = attr.progInfo;
    const first = this.info(fd, at.size);
    const sizes = {
      xlated: first.view.getUint32(at.xlatedLength, true),
      maps: first.view.getUint32(at.mapCount, true),
      functions: first.view.getUint32(at.funcInfoCount, true),
      record: first.view.getUint32(at.funcInfoSize, true),
    };
    first.free();
    const mapsAt = (sizes.xlated + 7) & ~7;
    const functionsAt = mapsAt + ((4 * sizes.maps + 7) & ~7);
    const data = this.native.allocate(functionsAt + sizes.functions * sizes.record + 8);
    const info = this.info(fd, at.size, (view) => {
      view.setUint32(at.xlatedLength, sizes.xlated, true);
      view.setBigUint64(at.xlated, data.address, true);
      view.setUint32(at.mapCount, sizes.maps, true);
      view.setBigUint64(at.mapIds, data.address + BigInt(mapsAt), true);
      view.setUint32(at.funcInfoCount, sizes.functions, true);
      view.setUint32(at.funcInfoSize, sizes.record, true);
      view.setBigUint64(at.funcInfo, data.address + BigInt(functionsAt), true);
    });
    const { view } = info;
    const result: AttachedProgram = {
      id: view.getUint32(at.id, true),
      type: view.getUint32(at.type, true),
      tag: [...info.u8.subarray(at.tag, at.tag + 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
      name: textAt(info.u8, at.name),
      xlated: data.u8.slice(0, view.getBigUint64(at.xlated, true) === 0n ? 0 : sizes.xlated),
      mapIds: Array.from({ length: sizes.maps }, (_, i) => data.view.getUint32(mapsAt + 4 * i, true)),
      isGpl: (view.getUint32(at.gpl, true) & 1) === 1,
      btfId: view.getUint32(at.btfId, true),
      functions: Array.from({ length: sizes.functions }, (_, i) => ({
        start: data.view.getUint32(functionsAt + sizes.record * i, true),
        btfId: data.view.getUint32(functionsAt + sizes.record * i + 4, true),
      })),
      jitedLength: view.getUint32(at.jitedLength, true),
      runTime: view.getBigUint64(at.runTime, true),
      runCount: view.getBigUint64(at.runCount, true),
      verifiedInsns: view.getUint32(at.verifiedInsns, true),
    };
    info.free();
    data.free();
    return result;
  }

  /** Throws InputError. */
  map(fd: number): AttachedMap {
    const at = attr.mapInfo;
    const info = this.info(fd, at.size);
    const { view } = info;
    const result: AttachedMap = {
      id: view.getUint32(at.id, true),
      type: view.getUint32(at.type, true),
      keySize: view.getUint32(at.keySize, true),
      valueSize: view.getUint32(at.valueSize, true),
      maxEntries: view.getUint32(at.maxEntries, true),
      flags: view.getUint32(at.flags, true),
      name: textAt(info.u8, at.name),
      btfId: view.getUint32(at.btfId, true),
      btfKeyId: view.getUint32(at.btfKeyId, true),
      btfValueId: view.getUint32(at.btfValueId, true),
      extra: view.getBigUint64(at.extra, true),
      isFrozen: this.isFrozen(fd),
    };
    info.free();
    return result;
  }

  /** The encoded types of a BTF object. Throws InputError. */
  btf(fd: number): Uint8Array {
    const first = this.info(fd, attr.btfInfo.size);
    const length = first.view.getUint32(attr.btfInfo.length, true);
    first.free();
    const data = this.native.allocate(length + 8);
    this.info(fd, attr.btfInfo.size, (view) => {
      view.setBigUint64(attr.btfInfo.btf, data.address, true);
      view.setUint32(attr.btfInfo.length, length, true);
    }).free();
    const bytes = data.u8.slice(0, length);
    data.free();
    return bytes;
  }

  /** Throws InputError. */
  link(fd: number): AttachedLink {
    const at = attr.linkInfo;
    const info = this.info(fd, at.size);
    const { view } = info;
    const type = view.getUint32(at.type, true);
    const result = {
      id: view.getUint32(at.id, true),
      type,
      programId: view.getUint32(at.programId, true),
      ifindex: type === linkTypes.xdp ? view.getUint32(at.ifindex, true) : 0,
    };
    info.free();
    return result;
  }

  /** Puts another program in the place of the one that a link has, which has to be `old`. 0 or negated errno. */
  updateLink(linkFd: number, programFd: number, oldFd: number): number {
    const view = this.clear();
    view.setUint32(attr.linkUpdate.linkFd, linkFd, true);
    view.setUint32(attr.linkUpdate.programFd, programFd, true);
    view.setUint32(attr.linkUpdate.flags, attr.replaceFlag, true);
    view.setUint32(attr.linkUpdate.oldProgramFd, oldFd, true);
    return this.call(attr.command.linkUpdate);
  }

  /** A link between a raw tracepoint and a program of that type; descriptor or negated errno. */
  openRawTracepoint(name: string, programFd: number): number {
    const text = this.native.allocate(name.length + 1);
    text.u8.set(new TextEncoder().encode(name));
    const view = this.clear();
    view.setBigUint64(attr.rawTracepoint.name, text.address, true);
    view.setUint32(attr.rawTracepoint.programFd, programFd, true);
    const fd = this.call(attr.command.rawTracepointOpen);
    text.free();
    return fd;
  }

  /** Counts time and runs of all programs, as long as the returned descriptor is open; or negated errno. */
  enableStatistics(): number {
    this.clear();
    return this.call(attr.command.enableStats);
  }

  /** BPF_OBJ_GET_INFO_BY_FD into a buffer that is the caller's to free. Throws InputError. */
  private info(fd: number, size: number, prepare?: (view: DataView) => void): NativeBuffer {
    const info = this.native.allocate(size);
    prepare?.(info.view);
    const view = this.clear();
    view.setUint32(attr.infoByFd.fd, fd, true);
    view.setUint32(attr.infoByFd.length, size, true);
    view.setBigUint64(attr.infoByFd.info, info.address, true);
    const status = this.call(attr.command.infoByFd);
    if (status < 0) {
      info.free();
      throw new InputError(`the kernel does not describe an object: ${errnoName(status)}`);
    }
    return info;
  }

  /** Told nowhere but in the descriptor's entry under /proc. */
  private isFrozen(fd: number): boolean {
    return /^frozen:\s*1$/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  }

  private clear(): DataView {
    this.attr.u8.fill(0);
    return this.attr.view;
  }

  private call(number: number): number {
    return this.native.syscall(this.native.numbers.bpf, number, this.attr.address, attr.attrSize);
  }
}

/** Text of at most 16 bytes, up to its zero. */
function textAt(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at, at + 16)).replace(/\0.*$/s, '');
}

/**
 * A program that somebody else loaded, as a value that other versions can be made of, and the kernel's objects that it
 * shares with them: its maps (the same ones, by id), its types. Reading changes nothing.
 *
 * Maps are named three ways: by id as the kernel shows them, by index in the object as everything here has them, and
 * by descriptor when a version is loaded. Code is believed only with the kernel's tag, so a wrong guess is refused.
 */
import { InputError, UnsupportedError } from '../base/index.js';
import { decodeInsns, encodeInsns, type Insn, loadsMap } from '../isa/index.js';
import type { AttachedMap, AttachedProgram, Bpf, KernelIds, LoadedFd, LoadRefusal } from '../linux/index.js';
import {
  Btf,
  type FunctionSpec,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
  programSpec,
} from '../object/index.js';
import { errnoName, mapFlags, mapTypeNames } from '../platform/index.js';
import { KernelSymbols } from './kernel-symbols.js';
import { programTags } from './program-tag.js';
import { recover } from './xlated.js';

/** enum bpf_prog_type. */
const xdpType = 6;
/** enum bpf_map_type: maps of maps. */
const mapsOfMaps: readonly number[] = [12, 13];
const frozenData = 'the verifier removed code from it that read-only data made dead';

/** A map of the program in the kernel. */
export interface TakenMap {
  readonly fd: number;
  readonly info: AttachedMap;
}

/** A program in the kernel, turned back into what was loaded. Close it. */
export interface TakenProgram {
  readonly fd: number;
  readonly info: AttachedProgram;
  /** One program; maps by index, which are {@link maps}. */
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly maps: readonly TakenMap[];
  readonly btfFd: number | undefined;
  close(): void;
}

/** How a version is loaded beside the original. */
export interface VersionOptions {
  readonly name: string;
  /** enum bpf_attach_type: the original's, which the kernel does not tell; 0 or BPF_XDP. */
  readonly expectedAttachType: number;
  /** Descriptors of maps behind the program's own, by index. */
  readonly moreMaps?: readonly number[];
  /** In place of the program's own. */
  readonly mapFds?: readonly number[];
  readonly frags?: boolean;
}

/**
 * Reads the program with this descriptor, which is closed with the result. `object` are other objects that it may have
 * been loaded from: used where the kernel's instructions cannot be turned back. Throws InputError and UnsupportedError
 * with why the program cannot be taken over.
 */
export function takeProgram(bpf: Bpf, ids: KernelIds, fd: number, from?: ObjectSpec | undefined): TakenProgram {
  const open: number[] = [fd];
  const close = (): void => {
    for (const each of open) ids.close(each);
  };
  const opened = (kind: 'map' | 'btf', id: number): number => {
    const found = ids.open(kind, id);
    if (found < 0) throw new InputError(`${kind} ${id} of the program cannot be opened: ${errnoName(found)}`);
    open.push(found);
    return found;
  };
  try {
    const info = ids.program(fd);
    const what = `program ${info.id} (\`${info.name}\`)`;
    if (info.type !== xdpType) {
      throw new UnsupportedError(`${what} is no XDP program`, {}, 'only XDP programs are taken over');
    }
    if (info.xlated.length === 0) throw new UnsupportedError(`the kernel does not show the instructions of ${what}`);
    const maps = info.mapIds.map((id): TakenMap => {
      const mapFd = opened('map', id);
      return { fd: mapFd, info: ids.map(mapFd) };
    });
    const btfFd = info.btfId === 0 ? undefined : opened('btf', info.btfId);
    const btf = btfFd === undefined ? undefined : new Btf(ids.btf(btfFd));
    const code = exactCode(info, maps, from);
    const insns = byIndex(code.insns, maps, what);
    const functions = functionsOf(insns, code.functions, info, btf);
    const program = programSpec(insns, { name: info.name || 'program', functions });
    const specs = maps.map((map) => specOf(bpf, ids, map));
    const object: ObjectSpec = {
      name: `program ${info.id}`,
      license: info.isGpl ? 'GPL' : 'Proprietary',
      version: 0,
      programs: [program],
      maps: specs,
      sections: [],
      btf,
    };
    return { fd, info, object, program, maps, btfFd, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** What was loaded, exact by the tag: maps stand for their ids. Throws UnsupportedError. */
function exactCode(
  info: AttachedProgram,
  maps: readonly TakenMap[],
  from: ObjectSpec | undefined,
): { readonly insns: readonly Insn[]; readonly functions: readonly number[] } {
  const symbols = KernelSymbols.read();
  const rewritten = decodeInsns(info.xlated);
  const back = recover(rewritten, {
    helperAt: (imm) => symbols.helperAt(imm),
    isHashLookup: (imm) => symbols.isHashLookup(imm),
    functions: info.functions.map(({ start }) => start),
  });
  if (!('why' in back) && programTags(back.insns).includes(info.tag)) return back;
  const why = 'why' in back ? back.why : frozenData;
  const twin = from?.programs.find(({ insns }) => programTags(insns).includes(info.tag));
  if (from === undefined || twin === undefined) {
    throw new UnsupportedError(
      `program ${info.id} (\`${info.name}\`) cannot be turned back exactly (tag ${info.tag}): ${why}`,
      {},
      from === undefined
        ? 'name the object file that it was loaded from with `--object FILE`'
        : `no program of \`${from.name}\` has that tag`,
    );
  }
  const insns = byId(twin, from, maps, info);
  return { insns, functions: twin.functions.map(({ start }) => start) };
}

/**
 * A file's program with ids in place of its maps. Which is which: the kernel lists a program's maps in the order in
 * which its instructions first name them.
 */
function byId(twin: ProgramSpec, from: ObjectSpec, maps: readonly TakenMap[], info: AttachedProgram): Insn[] {
  const order: number[] = [];
  for (const insn of twin.insns) if (loadsMap(insn) && !order.includes(insn.imm)) order.push(insn.imm);
  if (order.length !== info.mapIds.length) {
    throw new UnsupportedError(`program ${info.id} and \`${from.name}\` do not have the same number of maps`);
  }
  for (const [i, index] of order.entries()) {
    const spec = from.maps[index];
    const found = maps[i]?.info;
    const isLike = spec?.typeNumber === found?.type && spec?.keySize === found?.keySize;
    if (!isLike || spec?.valueSize !== found?.valueSize) {
      throw new UnsupportedError(`map ${found?.id} of program ${info.id} is not \`${spec?.name}\` of \`${from.name}\``);
    }
  }
  return twin.insns.map((insn) =>
    loadsMap(insn) ? { ...insn, imm: info.mapIds[order.indexOf(insn.imm)] ?? 0 } : insn,
  );
}

/** Indices of maps in place of their ids. */
function byIndex(insns: readonly Insn[], maps: readonly TakenMap[], what: string): Insn[] {
  return insns.map((insn) => {
    if (!loadsMap(insn)) return insn;
    const index = maps.findIndex(({ info }) => info.id === insn.imm);
    if (index < 0) throw new UnsupportedError(`${what} names map ${insn.imm}, which is none of its own`);
    return { ...insn, imm: index };
  });
}

/** Names and linkage are in the types alone; without them all but the first function are static. */
function functionsOf(
  insns: readonly Insn[],
  starts: readonly number[],
  info: AttachedProgram,
  btf: Btf | undefined,
): FunctionSpec[] {
  return starts.map((start, i): FunctionSpec => {
    const btfId = info.functions[i]?.btfId ?? 0;
    const type = btfId === 0 ? undefined : btf?.type(btfId);
    const isGlobal = type?.kind === 'func' && type.linkage === 'global';
    return {
      name: (type?.kind === 'func' ? type.name : '') || (i === 0 ? info.name : `function_${i}`),
      start,
      end: starts[i + 1] ?? insns.length,
      global: i === 0 || isGlobal,
      btfId,
    };
  });
}

/** A map as an object file would have it. Frozen read-only data keeps its bytes: the verifier relies on them. */
function specOf(bpf: Bpf, ids: KernelIds, { fd, info }: TakenMap): MapSpec {
  const inner = innerOf(bpf, ids, { fd, info });
  const type = mapTypeNames[info.type] ?? 'unspec';
  const isData = type === 'array' && info.isFrozen && (info.flags & mapFlags.rdonlyProg) !== 0;
  const bytes = isData && info.maxEntries === 1 ? bpf.mapLookup(fd, new Uint8Array(4), info.valueSize) : undefined;
  return {
    name: info.name || `map_${info.id}`,
    type,
    typeNumber: info.type,
    keySize: info.keySize,
    valueSize: info.valueSize,
    maxEntries: info.maxEntries,
    // The kernel marks maps of devices so by itself, and takes no one's word for it.
    flags: type.startsWith('devmap') ? info.flags & ~mapFlags.rdonlyProg : info.flags,
    extra: info.extra,
    pinning: false,
    section: '.maps',
    btfKeyId: info.btfKeyId,
    btfValueId: info.btfValueId,
    ...(inner === undefined ? {} : { inner }),
    ...(bytes instanceof Uint8Array ? { init: { kind: 'data' as const, bytes } } : {}),
  };
}

/** What maps in a map of maps look like: all are like the first one that lies in it. */
function innerOf(bpf: Bpf, ids: KernelIds, { fd, info }: TakenMap): MapSpec | undefined {
  if (!mapsOfMaps.includes(info.type)) return undefined;
  for (const key of bpf.mapKeys(fd, info.keySize)) {
    const value = bpf.mapLookup(fd, key, 4);
    const inner = typeof value === 'number' ? -1 : ids.open('map', new DataView(value.buffer).getUint32(0, true));
    if (inner < 0) continue;
    const spec = specOf(bpf, ids, { fd: inner, info: ids.map(inner) });
    ids.close(inner);
    return spec;
  }
  return undefined;
}

/** The tag that the kernel has of a program, and those of what it was turned back into. Throws where it cannot be. */
export function takeTags(
  bpf: Bpf,
  ids: KernelIds,
  id: number,
): { readonly kernel: string; readonly recovered: readonly string[] } {
  const taken = takeProgram(bpf, ids, ids.open('program', id));
  const tags = { kernel: taken.info.tag, recovered: programTags(taken.program.insns) };
  taken.close();
  return tags;
}

/** Loads a version of a taken program beside it, over the same maps. The descriptor is the caller's to close. */
export function loadVersion(
  bpf: Bpf,
  taken: TakenProgram,
  version: ProgramSpec,
  options: VersionOptions,
): LoadedFd | LoadRefusal {
  const fds = [...(options.mapFds ?? taken.maps.map(({ fd }) => fd)), ...(options.moreMaps ?? [])];
  const insns = version.insns.map((insn) => (loadsMap(insn) ? { ...insn, imm: fds[insn.imm] ?? -1 } : insn));
  const funcInfo = new Uint8Array(version.functions.length * 8);
  const view = new DataView(funcInfo.buffer);
  for (const [i, fn] of version.functions.entries()) {
    view.setUint32(i * 8, fn.start, true);
    view.setUint32(i * 8 + 4, fn.btfId, true);
  }
  const { btfFd } = taken;
  const hasTypes = btfFd !== undefined && version.functions.every(({ btfId }) => btfId !== 0);
  const empty = new Uint8Array(0);
  return bpf.progLoad({
    insns: encodeInsns(insns),
    license: taken.object.license,
    name: options.name,
    expectedAttachType: options.expectedAttachType,
    flags: options.frags === true ? 0x20 : 0,
    ...(hasTypes ? { btf: { fd: btfFd, funcInfo, funcInfoSize: 8, lineInfo: empty, lineInfoSize: 16 } } : {}),
  });
}

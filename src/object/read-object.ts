/**
 * From the bytes of an object file to an {@link ObjectSpec}, in the order in which libbpf does it: tables (elf.ts),
 * types (btf.ts), code cut into
 * functions (code.ts), maps, externs, then each function with its references resolved (relocate.ts) and each program
 * linked from
 * its functions (link.ts).
 */
import { decodeUtf8, InputError, UserError } from '../base/index.js';
import { asksForConnections } from '../platform/index.js';
import { Btf } from './btf.js';
import { type BtfExt, type LineInfo, readBtfExt } from './btf-ext.js';
import { type CodeFunction, type CodeSection, readCode } from './code.js';
import { CoreRelocator } from './core-relocate.js';
import { dataMap, objectNameOf, readDataSections } from './data-section.js';
import { type Elf, type ElfSection, readElf } from './elf.js';
import { readExterns } from './externs.js';
import { defaultKconfig, defaultKernelVersion, type Kconfig } from './kconfig.js';
import { type LinkedProgram, link } from './link.js';
import { readBtfMaps } from './map-btf.js';
import { isLegacyMapSection, readLegacyMaps } from './map-legacy.js';
import { MapIndex, type PlacedMap } from './map-section.js';
import { placeVariables } from './place-variables.js';
import { lineAt, type RelocationContext, type ResolvedFunction, resolveFunction } from './relocate.js';
import { sectionMeaning } from './section-name.js';
import { lowerBound } from './sorted.js';
import type { FunctionSpec, LineSpec, ObjectSpec, ProgramSpec } from './spec.js';

/** What reading an object may be told. */
export interface ReadObjectOptions {
  /** File name, for messages and for the names of the maps that hold data sections. Default `prog.o`. */
  readonly name?: string | undefined;
  /**
   * The kernel's BTF that CO-RE relocations are resolved against, or how to get it if there are any. Default: the
   * object's own.
   */
  readonly btf?: Uint8Array | Btf | (() => Btf | undefined) | undefined;
  /** LINUX_KERNEL_VERSION as KERNEL_VERSION(a, b, c) packs it. Default: {@link defaultKernelVersion}. */
  readonly kernelVersion?: number | undefined;
  /**
   * Kernel configuration for `__kconfig` externs, `CONFIG_X` -> text as in `.config` (`y`, `250`, `"name"`), or how to
   * get it if there are any. What it lacks is not set in that kernel. Default: {@link defaultKconfig}.
   */
  readonly kconfig?: Kconfig | (() => Kconfig | undefined) | undefined;
}

/**
 * Most slots and line records that the programs of one file may have together, each with its own copy of what it
 * calls.
 */
const maxTotal = 4_000_000;

/**
 * Reads an ELF object file of BPF programs. A pure function: same bytes and options in, same value out.
 *
 * Throws InputError for a damaged file and UnsupportedError for a sound one of another kind (other machine,
 * big-endian). What concerns single instructions only (an unresolved symbol, a CO-RE access that the target lacks) is
 * recorded in {@link ProgramSpec.unresolved}, so that the rest can still be shown.
 */
export function readObject(bytes: Uint8Array, options: ReadObjectOptions = {}): ObjectSpec {
  const name = options.name ?? 'prog.o';
  try {
    return read(bytes, name, options);
  } catch (error) {
    throw error instanceof UserError ? error.withFile(name) : error;
  }
}

/** Reads everything; errors of deeper layers pass with the file's name put in. */
function read(bytes: Uint8Array, name: string, options: ReadObjectOptions): ObjectSpec {
  const elf = readElf(bytes);
  const section = (wanted: string): ElfSection | undefined => elf.sections.find((s) => s.name === wanted && s.size > 0);
  const btfSection = section('.BTF');
  const btf = btfSection === undefined ? undefined : new Btf(btfSection.data, '.BTF', btfSection.offset);
  btf?.validate();
  if (btf !== undefined) placeVariables(btf, elf);
  const extSection = section('.BTF.ext');
  const ext =
    btf === undefined || extSection === undefined ? undefined : readBtfExt(extSection.data, btf, extSection.offset);
  const kernel = kernelTypes(options);

  const code = readCode(elf);
  const externs = readExterns(elf, btf, {
    kernelVersion: options.kernelVersion ?? defaultKernelVersion,
    kconfig: () => (typeof options.kconfig === 'function' ? options.kconfig() : options.kconfig) ?? defaultKconfig,
  });
  const maps = readMaps(elf, btf, code, objectNameOf(name));
  const kconfigMap = maps.length;
  if (externs.kconfig !== undefined) {
    const spec = dataMap('.kconfig', objectNameOf(name), externs.kconfig, btf);
    maps.push({ spec, section: -1, offset: undefined });
  }
  const context: RelocationContext = {
    elf,
    code,
    maps: new MapIndex(maps),
    externs,
    kconfigMap,
    coreRelos: ext?.coreRelos ?? new Map(),
    core: btf === undefined ? undefined : new CoreRelocator(btf, kernel),
    get kernel(): Btf | undefined {
      return kernel();
    },
    source: (wanted, slot) => sourceAt(ext, btf, wanted, slot),
  };
  const programs = readPrograms(code, context, btf, ext);
  const seesKernel = programs.some(({ kfuncs }) => kfuncs.some((kfunc) => seesKernelTypes(kfunc.name)));
  return {
    name,
    license: text(section('license')),
    version: versionOf(section('version')),
    programs,
    maps: maps.map((map) => map.spec),
    kconfig: externs.variables.length === 0 ? undefined : externs.variables,
    sections: elf.sections.slice(1).map(({ name, type, flags, offset, size }) => ({ name, type, flags, offset, size })),
    btf,
    ...(seesKernel ? { kernelBtf: kernel() } : {}),
  };
}

/** Does the kernel function take or give the kernel's own structures? */
function seesKernelTypes(kfunc: string): boolean {
  return kfunc === 'bpf_rdonly_cast' || asksForConnections(kfunc);
}

/** The kernel's BTF, got when it is first asked for. */
function kernelTypes({ btf }: ReadObjectOptions): () => Btf | undefined {
  let known: Btf | undefined | null = null;
  return () => {
    if (known === null) {
      const given = typeof btf === 'function' ? btf() : btf;
      known = given instanceof Uint8Array ? new Btf(given, 'target BTF') : given;
    }
    return known;
  };
}

/** Maps of `.maps` and of the older sections, in the order of the file, then those of data sections. */
function readMaps(
  elf: Elf,
  btf: Btf | undefined,
  code: ReadonlyMap<number, CodeSection>,
  objectName: string,
): PlacedMap[] {
  const legacy = elf.sections.filter((section) => isLegacyMapSection(section.name) && section.data.length > 0);
  // Both kinds in one file load as they do with cilium/ebpf and Aya, whose logging defines its ring in `maps`.
  const maps = readLegacyMaps(elf, legacy, btf, code);
  for (const section of elf.sections) {
    if (section.name === '.maps') maps.push(...readBtfMaps(elf, section, btf, code, maps.length));
  }
  maps.push(...readDataSections(elf, btf, objectName));
  return maps;
}

/**
 * Every function that begins a program, linked with what it calls. A function is resolved once, however many programs
 * call it.
 */
function readPrograms(
  code: ReadonlyMap<number, CodeSection>,
  context: RelocationContext,
  btf: Btf | undefined,
  ext: BtfExt | undefined,
): ProgramSpec[] {
  const resolved = new Map<CodeFunction, ResolvedFunction>();
  const resolve = (fn: CodeFunction): ResolvedFunction => {
    const known = resolved.get(fn);
    if (known !== undefined) return known;
    const made = resolveFunction(context, fn);
    resolved.set(fn, made);
    return made;
  };
  const programs: ProgramSpec[] = [];
  let total = 0;
  for (const section of code.values()) {
    for (const fn of section.functions.values()) {
      if (!fn.entry) continue;
      const linked = link(fn, resolve);
      const lines = btf === undefined || ext === undefined ? [] : programLines(linked, btf, ext);
      total += linked.insns.length + 4 * lines.length;
      if (total > maxTotal) {
        throw new InputError(`the programs have more than ${maxTotal} instructions together`, {
          section: section.name,
        });
      }
      programs.push({
        name: fn.name,
        section: section.name.replace(/^\?/, ''),
        ...sectionMeaning(section.name),
        insns: linked.insns,
        functions: linked.placed.map(({ fn: part, base }) => functionSpec(part, base, btf, ext)),
        lines,
        kfuncs: linked.kfuncs,
        ksyms: linked.ksyms,
        core: linked.core,
        unresolved: linked.unresolved,
      });
    }
  }
  return programs;
}

/** A function with its BTF, found by where it begins. */
function functionSpec(fn: ResolvedFunction, base: number, btf: Btf | undefined, ext: BtfExt | undefined): FunctionSpec {
  const { name, section, start, global } = fn.code;
  const infos = ext?.functions.get(section.name) ?? [];
  const info = infos[lowerBound(infos, start, (entry) => entry.slot)];
  const known = info !== undefined && info.slot === start && btf !== undefined && info.typeId < btf.count;
  const type = known ? btf.type(info.typeId) : undefined;
  const btfId = type?.kind === 'func' ? type.id : 0;
  // The kernel knows a function's linkage from BTF alone.
  const linkage = type?.kind === 'func' && type.linkage === 'global';
  const origin = { section: section.index, slot: start };
  return { name, start: base, end: base + fn.insns.length, global: global && linkage, btfId, origin };
}

/** Line records of all linked functions, shifted to where they lie; of several for one slot the first counts. */
function programLines(linked: LinkedProgram, btf: Btf, ext: BtfExt): LineSpec[] {
  const lines: LineSpec[] = [];
  for (const { fn, base } of linked.placed) {
    const { section, start, end } = fn.code;
    let last = -1;
    const infos = ext.lines.get(section.name) ?? [];
    for (let i = lowerBound(infos, start, (info) => info.slot); i < infos.length; i++) {
      const info = infos[i];
      if (info === undefined || info.slot >= end) break;
      if (info.slot === last) continue;
      last = info.slot;
      if (namesNothing(info)) continue;
      lines.push(lineSpec(info, base - start, btf));
    }
  }
  return lines;
}

/** A record that is there because Linux wants one (write-btf.ts). */
function namesNothing({ fileOffset, textOffset, line }: LineInfo): boolean {
  return fileOffset === 0 && textOffset === 0 && line === 0;
}

/** A record with its texts looked up. */
function lineSpec(info: LineInfo, shift: number, btf: Btf): LineSpec {
  return {
    insn: info.slot + shift,
    file: btf.string(info.fileOffset),
    line: info.line,
    column: info.column,
    text: btf.string(info.textOffset),
    fileOffset: info.fileOffset,
    textOffset: info.textOffset,
  };
}

/** `file.c:12` for messages; empty where there are no records. */
function sourceAt(ext: BtfExt | undefined, btf: Btf | undefined, section: string, slot: number): string {
  const line = lineAt(ext?.lines.get(section) ?? [], slot);
  return line === undefined || btf === undefined || namesNothing(line)
    ? ''
    : `${btf.string(line.fileOffset)}:${line.line}`;
}

/** A section's content as a C string: the license. */
function text(section: ElfSection | undefined): string {
  if (section === undefined) return '';
  const end = section.data.indexOf(0);
  return decodeUtf8(section.data.subarray(0, end < 0 ? Math.min(section.data.length, 4096) : end));
}

function versionOf(section: ElfSection | undefined): number {
  if (section === undefined || section.data.length < 4) return 0;
  return new DataView(section.data.buffer, section.data.byteOffset).getUint32(0, true);
}

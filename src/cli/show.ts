/** `jitnic show FILE`: what is in an object file. */
import { exitCodes } from '../base/index.js';
import type { Btf, MapSpec, ObjectSpec, ProgramSpec } from '../object/index.js';
import { count, formatNumber, formatTable, printable, wrapWords } from '../text/index.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { declareReading, openProgramFile, type ReadingFlags } from './program-file.js';

/** Reads any object, loadable or not. JSON: `jitnic.show/1`. */
export const command: CliCommand = defineCommand<ReadingFlags>({
  declare: (command) => {
    command.argument('<file>', 'ELF object, .c, .s, or - for stdin');
    declareReading(command);
  },
  run: async ([file = '-'], options, io) => {
    const object = await openProgramFile(file, io, options);
    if (io.flags.json) io.json('jitnic.show/1', showJson(object));
    else io.out(showText(object, io));
    return exitCodes.ok;
  },
});

/** Tables of programs, subprograms, maps and sections; a table that would be empty is left out. */
function showText(object: ObjectSpec, io: Io): string {
  const title = (text: string): string => io.style.bold(text);
  const license = object.license === '' ? 'none' : `"${printable(object.license)}"`;
  const head = `${title(printable(object.name))}: license ${license}, ${btfText(object.btf)}`;
  const parts = [
    `${wrapWords(head, io.width, '  ').join('\n')}\n`,
    `${title(count(object.programs.length, 'program'))}\n${programTable(object, io.width)}`,
  ];
  const functions = object.programs.flatMap((program) =>
    program.functions.slice(1).map((fn) => ({ program: program.name, fn })),
  );
  if (functions.length > 0)
    parts.push(`${title(count(functions.length, 'subprogram'))}\n${functionTable(functions, io.width)}`);
  const problems = object.programs.flatMap((program) =>
    program.unresolved.map(({ insn, what }) => `  ${printable(`${program.name}: insn ${insn}: ${what}`)}\n`),
  );
  if (problems.length > 0) parts.push(`${title('unresolved')}\n${problems.join('')}`);
  if (object.maps.length > 0) parts.push(`${title(count(object.maps.length, 'map'))}\n${mapTable(object, io.width)}`);
  parts.push(`${title(count(object.sections.length, 'section'))}\n${sectionTable(object, io.width)}`);
  return parts.join('\n');
}

/** How many types of each kind the file describes; id 0 is `void` and is not counted. */
function btfText(btf: Btf | undefined): string {
  if (btf === undefined) return 'no BTF';
  const kinds = [...btfKinds(btf)].map(([kind, n]) => `${formatNumber(n)} ${kind}`);
  return `BTF of ${count(btf.count - 1, 'type')} (${kinds.join(', ')})`;
}

/** Kinds by how many types there are of each, most first. */
function btfKinds(btf: Btf): Map<string, number> {
  const counts = new Map<string, number>();
  for (let id = 1; id < btf.count; id++) counts.set(btf.kind(id), (counts.get(btf.kind(id)) ?? 0) + 1);
  return new Map([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}

/** Programs with what they use. */
function programTable(object: ObjectSpec, width: number): string {
  return formatTable(
    ['name', 'section', 'type', 'insns', 'subprograms', 'kfuncs', 'maps'].map((title) => ({ title })),
    object.programs.map((program) => [
      program.name,
      program.section,
      program.frags ? `${program.type} frags` : program.type,
      program.insns.length,
      program.functions.length - 1,
      program.kfuncs.length,
      usedMaps(program, object)
        .map((map) => map.name)
        .join(' '),
    ]),
    '  ',
    width,
  );
}

/** Functions behind each program's own; every program has copies of those that it calls. */
function functionTable(
  functions: readonly { program: string; fn: ProgramSpec['functions'][number] }[],
  width: number,
): string {
  return formatTable(
    ['name', 'of program', 'linkage', 'first insn', 'insns'].map((title) => ({ title })),
    functions.map(({ program, fn }) => [
      fn.name,
      program,
      fn.global ? 'global' : 'static',
      fn.start,
      fn.end - fn.start,
    ]),
    '  ',
    width,
  );
}

/** Maps that 64-bit loads name, as pointer (PSEUDO_MAP_FD) or as value (PSEUDO_MAP_VALUE), by index. */
function usedMaps(program: ProgramSpec, object: ObjectSpec): MapSpec[] {
  const used = new Set<number>();
  for (const insn of program.insns) {
    if (insn.code === 0x18 && (insn.src === 1 || insn.src === 2)) used.add(insn.imm);
  }
  return [...used].sort((a, b) => a - b).flatMap((index) => object.maps[index] ?? []);
}

/** Maps as the object defines them, hidden ones of global data included. */
function mapTable(object: ObjectSpec, width: number): string {
  return formatTable(
    ['name', 'type', 'key (B)', 'value (B)', 'max entries', 'flags', 'section', 'content'].map((title) => ({ title })),
    object.maps.map((map) => [
      map.name,
      typeName(map),
      map.keySize,
      map.valueSize,
      map.maxEntries,
      `0x${map.flags.toString(16)}`,
      map.section,
      contentText(map, object),
    ]),
    '  ',
    width,
  );
}

/** The type, or its number where this version does not know it. */
function typeName(map: MapSpec): string {
  return map.type === 'unspec' ? `type ${map.typeNumber}` : map.type;
}

/** What the file says of a map's content: inner map, initial values, pinning. */
function contentText(map: MapSpec, object: ObjectSpec): string {
  const parts: string[] = [];
  if (map.inner !== undefined) {
    const { inner } = map;
    parts.push(`of ${typeName(inner)} ${inner.keySize}/${inner.valueSize} B x ${formatNumber(inner.maxEntries)}`);
  }
  switch (map.init?.kind) {
    case 'data':
      parts.push(map.init.bytes.every((byte) => byte === 0) ? 'zeros' : 'data');
      break;
    case 'maps':
      for (const [slot, index] of map.init.slots) parts.push(`${slot}: ${object.maps[index]?.name ?? '?'}`);
      break;
    case 'programs':
      for (const [slot, name] of map.init.slots) parts.push(`${slot}: ${name}`);
      break;
    case undefined:
      break;
  }
  if (map.pinning) parts.push('pinned by name');
  return parts.join(', ');
}

/** Sections as readelf lists them. */
function sectionTable(object: ObjectSpec, width: number): string {
  return formatTable(
    ['name', 'type', 'flags', 'offset', 'size (B)'].map((title) => ({ title })),
    object.sections.map(({ name, type, flags, offset, size }) => [
      name,
      sectionTypes[type] ?? `0x${type.toString(16)}`,
      sectionFlags(flags),
      `0x${offset.toString(16)}`,
      size,
    ]),
    '  ',
    width,
  );
}

/** sh_type of ELF. */
const sectionTypes: Readonly<Record<number, string>> = {
  1: 'progbits',
  2: 'symtab',
  3: 'strtab',
  4: 'rela',
  8: 'nobits',
  9: 'rel',
  // SHT_LLVM_ADDRSIG, which clang adds.
  1879002115: 'addrsig',
};

/** sh_flags as readelf abbreviates them. */
function sectionFlags(flags: number): string {
  const letters: readonly (readonly [number, string])[] = [
    [1, 'W'],
    [2, 'A'],
    [4, 'X'],
    [0x10, 'M'],
    [0x20, 'S'],
    [0x40, 'I'],
  ];
  return letters.flatMap(([bit, letter]) => ((flags & bit) !== 0 ? [letter] : [])).join('');
}

/** Kernel things have bpftool's names. */
function showJson(object: ObjectSpec): Record<string, unknown> {
  return {
    file: object.name,
    license: object.license,
    programs: object.programs.map((program) => ({
      name: program.name,
      section: program.section,
      type: program.type,
      frags: program.frags,
      attach: program.attach ?? null,
      insns: program.insns.length,
      functions: program.functions.map(({ name, start, end, global }) => ({ name, start, insns: end - start, global })),
      maps: usedMaps(program, object).map((map) => map.name),
      kfuncs: program.kfuncs.map((extern) => extern.name),
      ksyms: program.ksyms.map((extern) => extern.name),
      unresolved: program.unresolved,
    })),
    maps: object.maps.map((map) => mapJson(map, object)),
    sections: object.sections,
    btf:
      object.btf === undefined
        ? null
        : { bytes: object.btf.bytes.length, types: object.btf.count - 1, kinds: btfKinds(object.btf) },
  };
}

/** A map in `jitnic.show/1`; an inner map has the same form. */
function mapJson(map: MapSpec, object: ObjectSpec): Record<string, unknown> {
  return {
    name: map.name,
    type: map.type,
    bytes_key: map.keySize,
    bytes_value: map.valueSize,
    max_entries: map.maxEntries,
    flags: map.flags,
    map_extra: map.extra,
    numa_node: map.numaNode,
    pinned_by_name: map.pinning,
    section: map.section,
    inner: map.inner === undefined ? undefined : mapJson(map.inner, object),
    init: initJson(map, object),
  };
}

/** Initial content: bytes of a data section, or what slots hold by name. */
function initJson(map: MapSpec, object: ObjectSpec): unknown {
  switch (map.init?.kind) {
    case 'data':
      return { data: map.init.bytes };
    case 'maps':
      return {
        maps: Object.fromEntries([...map.init.slots].map(([slot, index]) => [slot, object.maps[index]?.name])),
      };
    case 'programs':
      return { programs: map.init.slots };
    case undefined:
      return undefined;
  }
}

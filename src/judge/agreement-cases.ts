/**
 * Programs to ask two verifiers about: lines of JSON (the kernel's own verifier tests, or any others of their form) and object files.
 *
 * A line has `insns` (hex, 8 bytes an instruction), `name` and either `fix` (kind of map -> slots of the 64-bit loads that take it)
 * or `maps` (`[{n,t,k,v,m,f}]`: name, type, key size, value size, max entries, flags; the loads hold the index). What it says of itself
 * is `verdict` (0 or a negated error number) or `result` (`ACCEPT`, `REJECT`).
 */
import { InputError } from '../base/index.js';
import { decodeInsns, type Insn, isLddw, op } from '../isa/index.js';
import { type Btf, type MapSpec, type ObjectSpec, type ProgramSpec, xdpFitness } from '../object/index.js';
import { Prng } from '../packet/index.js';
import { type MapTypeName, mapFlags, mapTypeNames, mapTypeNumber } from '../platform/index.js';
import { generatePrograms } from './fuzz/generate.js';
import { programObject } from './fuzz/program-object.js';

export interface AgreementCase {
  readonly name: string;
  readonly category: string;
  readonly program: ProgramSpec;
  readonly maps: readonly MapSpec[];
  readonly btf: Btf | undefined;
  readonly license: string;
  /** For a program of an object file: the object, to be loaded whole. */
  readonly object: ObjectSpec | undefined;
  /** What the line says: does it load? */
  readonly expected: boolean | undefined;
  /** Why it is not judged at all. */
  readonly skipped: string | undefined;
}

/** Program types whose tests make sense as XDP: unspecified, socket filter, XDP. */
const xdpLike: readonly number[] = [0, 1, 6];

type MapShape = readonly [type: MapTypeName, key: number, value: number, entries: number, flags?: number];

/** Maps of the kernel's test_verifier.c, by the name of its fix-up. */
const fixupMaps: Readonly<Record<string, MapShape>> = {
  fixup_map_hash_8b: ['hash', 8, 8, 1],
  fixup_map_hash_48b: ['hash', 8, 48, 1],
  fixup_map_hash_16b: ['hash', 8, 16, 1],
  fixup_map_array_48b: ['array', 4, 48, 1],
  fixup_map_array_ro: ['array', 4, 48, 1, mapFlags.rdonlyProg],
  fixup_map_array_wo: ['array', 4, 48, 1, mapFlags.wronlyProg],
  fixup_map_array_small: ['array', 4, 1, 1],
  fixup_map_in_map: ['array_of_maps', 4, 4, 1],
  fixup_map_event_output: ['perf_event_array', 4, 4, 1],
  fixup_map_xskmap: ['xskmap', 4, 4, 1],
  fixup_map_ringbuf: ['ringbuf', 0, 0, 4096],
  fixup_map_stacktrace: ['stack_trace', 4, 8, 1],
  fixup_prog1: ['prog_array', 4, 4, 4],
  fixup_prog2: ['prog_array', 4, 4, 8],
};

function makeMap(name: string, [type, keySize, valueSize, maxEntries, flags = 0]: MapShape): MapSpec {
  const holdsMaps = type === 'array_of_maps' || type === 'hash_of_maps';
  return {
    name,
    type,
    typeNumber: mapTypeNumber(type),
    keySize,
    valueSize,
    maxEntries,
    flags,
    extra: 0n,
    pinning: false,
    inner: holdsMaps ? makeMap('inner', ['array', 4, 4, 1]) : undefined,
    section: '.maps',
    btfKeyId: 0,
    btfValueId: 0,
  };
}

interface Line {
  readonly name?: string;
  readonly insns?: string;
  readonly prog_type?: number;
  readonly result?: string;
  readonly verdict?: number;
  readonly kfunc?: number;
  readonly fix?: Readonly<Record<string, readonly number[]>>;
  readonly maps?: readonly {
    readonly n?: string;
    readonly t: number | string;
    readonly k: number;
    readonly v: number;
    readonly m: number;
    readonly f?: number;
  }[];
}

/** Reads a file of lines. Throws InputError with the line's number for one that cannot be read. */
export function readAgreementLines(text: string, file: string): AgreementCase[] {
  const cases: AgreementCase[] = [];
  for (const [i, row] of text.split('\n').entries()) {
    if (row.trim() === '') continue;
    let line: Line;
    try {
      line = JSON.parse(row) as Line;
    } catch {
      throw new InputError('not a line of JSON', { file, source: `line ${i + 1}` });
    }
    if (typeof line.insns !== 'string' || !/^([0-9a-f]{16})*$/i.test(line.insns)) {
      throw new InputError('`insns` is not hex of whole instructions', { file, source: `line ${i + 1}` });
    }
    cases.push(lineCase(line, line.insns, i));
  }
  return cases;
}

function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

function lineCase(line: Line, hex: string, index: number): AgreementCase {
  const insns = decodeInsns(fromHex(hex));
  const maps: MapSpec[] = [];
  let skipped: string | undefined;
  if (line.prog_type !== undefined && !xdpLike.includes(line.prog_type)) skipped = `program type ${line.prog_type}`;
  if (line.kfunc !== undefined && line.kfunc > 0) skipped = 'needs functions of a test module';
  for (const map of line.maps ?? []) {
    const type = typeof map.t === 'number' ? mapTypeNames[map.t] : mapTypeNames.find((name) => name === map.t);
    if (type === undefined) skipped = `map type ${map.t}`;
    else maps.push(makeMap(map.n ?? `map${maps.length}`, [type, map.k, map.v, map.m, map.f ?? 0]));
  }
  for (const [fixup, slots] of Object.entries(line.fix ?? {})) {
    if (slots.length === 0) continue;
    const shape = fixupMaps[fixup];
    if (shape === undefined) {
      skipped ??= `needs ${fixup}`;
      continue;
    }
    for (const slot of slots) {
      const insn = insns[slot];
      if (insn !== undefined) insns[slot] = { ...insn, imm: maps.length };
    }
    maps.push(makeMap(fixup.replace('fixup_', ''), shape));
  }
  const verdict = line.verdict ?? (line.result === undefined ? undefined : line.result === 'REJECT' ? -1 : 0);
  return {
    name: line.name ?? `line ${index + 1}`,
    category: categoryOf(insns),
    program: bareProgram(insns),
    maps,
    btf: undefined,
    license: 'GPL',
    object: undefined,
    expected: verdict === undefined ? undefined : verdict === 0,
    skipped,
  };
}

function bareProgram(insns: readonly Insn[]): ProgramSpec {
  return {
    name: 'test',
    section: 'xdp',
    type: 'xdp',
    frags: false,
    attach: 'xdp',
    insns,
    functions: [],
    lines: [],
    kfuncs: [],
    ksyms: [],
    unresolved: [],
  };
}

const acquiring: readonly number[] = [84, 85, 99, 131];

/** What a program is mostly about, told by its instructions. */
function categoryOf(insns: readonly Insn[]): string {
  const cls = (insn: Insn): number => insn.code & 7;
  const some = (test: (insn: Insn) => boolean): boolean => insns.some(test);
  if (some((insn) => insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL)) return 'calls';
  if (some((insn) => insn.code === op.CALL_OP && insn.src === 0 && acquiring.includes(insn.imm))) return 'references';
  if (some((insn) => cls(insn) === op.STX && (insn.code & 0xe0) === op.MODE_ATOMIC)) return 'atomics';
  if (some((insn) => isLddw(insn) && insn.src !== 0)) return 'maps';
  if (some((insn) => cls(insn) === op.LDX && insn.src === 1 && insn.off === 4)) return 'packet';
  if (some((insn) => insn.src === 10 || insn.dst === 10)) return 'stack';
  if (some((insn) => insn.code === op.CALL_OP)) return 'helpers';
  return 'scalars and branches';
}

/** The object that the fuzzer generates from a seed: the same one for the same seed. */
export function generatedObject(seed: number): ObjectSpec {
  return programObject(generatePrograms(new Prng(seed)), `generated-${seed}`);
}

/** The XDP programs of an object file. Maps that a loader would size are given entries, so that they can be created. */
export function objectCases(object: ObjectSpec, category = 'objects'): AgreementCase[] {
  const maps = object.maps.map((map) =>
    map.maxEntries === 0 && map.type !== 'perf_event_array' ? { ...map, maxEntries: 64 } : map,
  );
  const sized: ObjectSpec = { ...object, maps };
  const declared = object.programs.filter((program) => xdpFitness(program) === 'declared');
  const programs =
    declared.length > 0 ? declared : object.programs.filter((program) => xdpFitness(program) === 'possible');
  return programs.map((program) => ({
    name: `${object.name} ${program.name}`,
    category,
    program,
    maps,
    btf: object.btf,
    license: object.license,
    object: sized,
    expected: undefined,
    skipped: undefined,
  }));
}

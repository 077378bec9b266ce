/**
 * Programs as lines of JSON: the kernel's own verifier tests, or any others of their form.
 *
 * A line has `insns` (hex, 8 bytes an instruction), `name` and either `fix` (kind of map -> slots of the 64-bit loads
 * that take it) or `maps` (`[{n,t,k,v,m,f}]`: name, type, key size, value size, max entries, flags; the loads hold the
 * index). What it says of itself is `verdict` (0 or a negated error number) or `result` (`ACCEPT`, `REJECT`).
 */
import { InputError } from '../base/index.js';
import { calledHelper } from '../code/index.js';
import { decodeInsns, encodeInsns, type Insn, isLddw, loadsMap, op } from '../isa/index.js';
import { type MapSpec, mapSpec, objectSpec, programSpec } from '../object/index.js';
import { type MapTypeName, mapFlags, mapTypeNames } from '../platform/index.js';
import type { AgreementCase } from './agreement-cases.js';
import { hex } from './subject.js';

/** Program types whose tests make sense as XDP: unspecified, socket filter, XDP. */
const xdpLike: readonly number[] = [0, 1, 6];

/** What the fixups of the kernel's tests stand for: selftests/bpf/test_verifier.c makes such maps for them. */
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
  const inner = holdsMaps ? makeMap('inner', ['array', 4, 4, 1]) : undefined;
  return mapSpec({ name, type, keySize, valueSize, maxEntries, flags, inner });
}

/** A line as it stands in the file; what it needs that we do not have makes its case skipped. */
interface Line {
  readonly name?: string;
  readonly insns: string;
  readonly prog_type?: number;
  readonly result?: string;
  readonly verdict?: number;
  readonly kfunc?: number;
  readonly fix?: Readonly<Record<string, readonly number[]>>;
  readonly maps?: readonly LineMap[];
}

/** Name, type, key size, value size, max entries, flags. */
interface LineMap {
  readonly n?: string;
  readonly t: number | string;
  readonly k: number;
  readonly v: number;
  readonly m: number;
  readonly f?: number;
}

/** Reads a file of lines. Throws InputError that names the line and the field for one that cannot be read. */
export function readAgreementLines(text: string, file: string): AgreementCase[] {
  return text.split('\n').flatMap((row, i) => {
    if (row.trim() === '') return [];
    const refuse = (what: string): never => {
      throw new InputError(what, { file, source: `line ${i + 1}` }, hint);
    };
    return [lineCase(parseLine(row, refuse), i)];
  });
}

const hint = 'a line is {"name":…,"insns":"hex","maps":[{"n","t","k","v","m","f"}],"verdict":0}';

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Checks a row before anything is made of it; `refuse` says where it stands. */
function parseLine(row: string, refuse: (what: string) => never): Line {
  let line: unknown;
  try {
    line = JSON.parse(row);
  } catch {
    return refuse('not a line of JSON');
  }
  if (!isRecord(line)) return refuse('not an object');
  const { insns, name, verdict, result, maps = [], fix = {} } = line;
  if (typeof insns !== 'string' || insns.length % 16 !== 0 || /[^0-9a-f]/i.test(insns))
    refuse('`insns` is not hex of whole instructions');
  if (name !== undefined && typeof name !== 'string') refuse('`name` is not a string');
  if (verdict !== undefined && !Number.isInteger(verdict)) refuse('`verdict` is not 0 or a negated error number');
  if (result !== undefined && typeof result !== 'string') refuse('`result` is not a string');
  for (const key of ['prog_type', 'kfunc']) {
    if (line[key] !== undefined && !Number.isInteger(line[key])) refuse(`\`${key}\` is not a number`);
  }
  if (!Array.isArray(maps)) return refuse('`maps` is not a list');
  for (const [i, map] of maps.entries()) checkMap(map, (what) => refuse(`\`maps[${i}]\` ${what}`));
  if (!isRecord(fix)) return refuse('`fix` is not an object');
  for (const slots of Object.values(fix)) {
    if (!Array.isArray(slots) || !slots.every(isCount)) refuse('`fix` holds something else than lists of slots');
  }
  return line as unknown as Line; // every field was checked
}

/** One of `maps`. */
function checkMap(map: unknown, refuse: (what: string) => never): void {
  if (!isRecord(map)) refuse('is not an object');
  else if (map['n'] === undefined || typeof map['n'] === 'string') checkSizes(map, refuse);
  else refuse('has a name that is not a string');
}

function checkSizes(map: Readonly<Record<string, unknown>>, refuse: (what: string) => never): void {
  if (!isCount(map['t']) && typeof map['t'] !== 'string') refuse('has no type `t`');
  for (const key of ['k', 'v', 'm']) if (!isCount(map[key])) refuse(`has no size \`${key}\``);
  if (map['f'] !== undefined && !isCount(map['f'])) refuse('has flags `f` that are no number');
}

/** The case of a line: instructions decoded, maps made, loads of fixups pointed at them. */
function lineCase(line: Line, index: number): AgreementCase {
  const insns = decodeInsns(Buffer.from(line.insns, 'hex'));
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
  // No functions: nothing but the code itself says where they are.
  const program = programSpec(insns, { name: 'test', functions: [] });
  const verdict = line.verdict ?? (line.result === undefined ? undefined : line.result === 'REJECT' ? -1 : 0);
  return {
    name: line.name ?? `line ${index + 1}`,
    category: categoryOf(insns),
    program,
    object: objectSpec('line', [program], maps),
    expected: verdict === undefined ? undefined : verdict === 0,
    skipped,
  };
}

/** What a program is mostly about, told by its instructions. */
function categoryOf(insns: readonly Insn[]): string {
  const cls = (insn: Insn): number => insn.code & 7;
  const some = (test: (insn: Insn) => boolean): boolean => insns.some(test);
  if (some((insn) => insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL)) return 'calls';
  if (some((insn) => calledHelper(insn)?.acquires === true)) return 'references';
  if (some((insn) => cls(insn) === op.STX && (insn.code & 0xe0) === op.MODE_ATOMIC)) return 'atomics';
  if (some((insn) => isLddw(insn) && insn.src !== 0)) return 'maps';
  if (some((insn) => cls(insn) === op.LDX && insn.src === 1 && insn.off === 4)) return 'packet';
  if (some((insn) => insn.src === 10 || insn.dst === 10)) return 'stack';
  if (some((insn) => insn.code === op.CALL_OP)) return 'helpers';
  return 'scalars and branches';
}

/**
 * A case as a line that {@link readAgreementLines} reads. What only BTF tells is lost. `verdict`: 0 or a negated error
 * number.
 */
export function agreementLine({ name, program, object }: AgreementCase, verdict: number): Line {
  const used = [...new Set(program.insns.filter((insn) => loadsMap(insn)).map((insn) => insn.imm))];
  const maps = used.flatMap((index) => object.maps[index] ?? []);
  const insns = program.insns.map((insn) => (loadsMap(insn) ? { ...insn, imm: used.indexOf(insn.imm) } : insn));
  return {
    name,
    insns: hex(encodeInsns(insns)),
    maps: maps.map((map) => ({
      n: map.name,
      t: map.typeNumber,
      k: map.keySize,
      v: map.valueSize,
      m: map.maxEntries,
      f: map.flags,
    })),
    verdict,
  };
}

/** Test files of the command line: found, read, and run with what they name beside them. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { decodeUtf8, InputError, UserError } from '../base/index.js';
import {
  type CaseEngine,
  type CaseResult,
  type CaseWorld,
  machineEngines,
  NodeReader,
  readSuite,
  runCase,
  type Suite,
} from '../cases/index.js';
import type { Coverage } from '../explore/index.js';
import { pickProgram } from '../object/index.js';
import { type MapsFile, parseOutputTypes } from '../vm/index.js';
import { parseMapsFile } from '../vm/map-json.js';
import { readPackets } from './capture-input.js';
import { headersOf } from './clang.js';
import type { Io } from './command.js';
import { readInput } from './files.js';
import { kernelEngine } from './kernel-cases.js';
import { isSource, openProgramFile, type ReadingFlags } from './program-file.js';
import { parseYaml } from './yaml-file.js';

/** Names of test files end so. */
export const testSuffix = '.xdp.yaml';

/** Test files at PATH: itself, or those below a folder, by name. Throws InputError where there is none. */
export function findTestFiles(paths: readonly string[]): string[] {
  const found = new Set<string>();
  const walk = (folder: string): void => {
    const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.')) walk(path);
      else if (entry.isFile() && entry.name.endsWith(testSuffix)) found.add(path);
    }
  };
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) throw new InputError('no such file', { file: path });
    if (stat.isDirectory()) walk(path);
    else found.add(path);
  }
  if (found.size === 0)
    throw new InputError(
      `no test files (*${testSuffix}) in ${paths.join(', ')}`,
      {},
      'jitnic test --init prog.o writes a first one',
    );
  return [...found];
}

/** What a run of test files is asked for. */
export interface SuiteOptions {
  /** Names of engines; undefined: all. */
  readonly engines: readonly string[] | undefined;
  /** Runs the cases whose names fit. */
  readonly filter: RegExp | undefined;
  readonly reading: ReadingFlags;
  /** Takes what ran. */
  readonly coverage?: Coverage | undefined;
  /** Hears of each file that a test file is made of, headers of C among them, before it is read. */
  readonly look?: ((file: string) => void) | undefined;
}

/** Engines by name, all of them in order where none is named. */
export function enginesOf(names: readonly string[] | undefined): CaseEngine[] {
  const all = [...machineEngines, kernelEngine()];
  return names === undefined ? all : all.filter(({ name }) => names.includes(name));
}

/** A test file with what it names. */
interface Opened {
  readonly suite: Suite;
  readonly world: CaseWorld;
}

async function openSuite(path: string, options: SuiteOptions, io: Io): Promise<Opened> {
  const { look } = options;
  look?.(path);
  const suite = readSuite(parseYaml(decodeUtf8(await readInput(path, io)), path), path);
  const beside = (name: string): string => resolve(dirname(path), name);
  const file = beside(suite.program ?? '');
  const { reading } = options;
  const include = [...(reading.include ?? []), ...suite.include.map(beside)];
  const define = [...(reading.define ?? []), ...suite.define];
  const reader: NodeReader = new NodeReader(path);
  look?.(file);
  if (look !== undefined && isSource(file, reading))
    for (const one of await headersOf(file, { include, define }, io)) look(one);
  const read = await reader.reading(suite.programLine, () =>
    openProgramFile(file, io, {
      ...reading,
      ...(include.length > 0 ? { include } : {}),
      ...(define.length > 0 ? { define } : {}),
    }),
  );
  const program = reader.within(suite.entryLine, () => pickProgram(read, suite.entry));
  const captures = new Map<string, { data: Uint8Array; time: bigint }[]>();
  const maps = new Map<string, MapsFile>();
  for (const one of suite.cases) {
    for (const { capture } of one.packets)
      if (capture !== undefined && !captures.has(capture.file)) {
        look?.(beside(capture.file));
        captures.set(capture.file, await reader.reading(capture.line, () => readPackets(beside(capture.file), io)));
      }
    const { mapsIn, lines } = one.setup;
    if (mapsIn === undefined || maps.has(mapsIn)) continue;
    look?.(beside(mapsIn));
    maps.set(
      mapsIn,
      await reader.reading(lines['maps-in'] ?? one.line, async () =>
        parseMapsFile(decodeUtf8(await readInput(beside(mapsIn), io)), mapsIn),
      ),
    );
  }
  const named = { object: read, program };
  const world: CaseWorld = {
    ...named,
    engines: enginesOf(options.engines),
    verify: suite.verify,
    types: reader.within(suite.recordTypesLine, () => parseOutputTypes(read, suite.recordTypes)),
    reader,
    packetsOf: (name) => captures.get(name) ?? [],
    mapsOf: (name) => maps.get(name) ?? { maps: {} },
    coverage: options.coverage,
  };
  return { suite, world };
}

/** Runs one file; `each` hears of cases as they are done. Throws what reading it throws. */
export async function runTestFile(
  path: string,
  options: SuiteOptions,
  io: Io,
  each?: (result: CaseResult) => void,
): Promise<readonly CaseResult[]> {
  const { suite, world } = await openSuite(path, options, io);
  const results: CaseResult[] = [];
  for (const one of suite.cases) {
    if (options.filter !== undefined && !options.filter.test(one.name)) continue;
    const result = { ...(await io.work(`test \`${one.name}\``, () => runCase(one, world))), file: path };
    results.push(result);
    each?.(result);
  }
  return results;
}

/** True for what the author of a test file can mend. */
export function isUsers(error: unknown): error is UserError {
  return error instanceof UserError;
}

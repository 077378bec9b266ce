/** Reads an application with what it names, and runs its traffic through its programs. */
import { dirname, resolve } from 'node:path';
import { decodeUtf8 } from '../base/index.js';
import { NodeReader } from '../cases/index.js';
import { pickProgram } from '../object/index.js';
import {
  type Application,
  type AppProgram,
  type BuiltProgram,
  buildProblem,
  measureProgram,
  type Passing,
  type Problem,
  readApplication,
  tablesOf,
} from '../place/index.js';
import { verdictName } from '../platform/index.js';
import { Verdicts } from '../verifier/index.js';
import { loadMaps } from '../vm/index.js';
import { parseMapsFile } from '../vm/map-json.js';
import { readPackets } from './capture-input.js';
import type { Io } from './command.js';
import { readInput } from './files.js';
import { openProgramFile } from './program-file.js';
import { parseYaml } from './yaml-file.js';

/** Throws InputError with the place of what is wrong. */
export async function openApplication(path: string, io: Io): Promise<Application> {
  return readApplication(parseYaml(decodeUtf8(await readInput(path, io)), path), path);
}

/** Counts what the programs do with the application's traffic; `most`: pieces a program is cut into at most. */
export async function measureApplication(
  path: string,
  application: Application,
  most: number,
  io: Io,
): Promise<Problem> {
  const reader = new NodeReader(path);
  const beside = (name: string): string => resolve(dirname(path), name);
  const { capture } = application;
  const arrived: readonly Passing[] = await reader.reading(capture.line, () =>
    readPackets(beside(capture.path), io, capture.count),
  );
  if (arrived.length === 0) reader.fail(capture.line, 'the capture has no packets');
  const built: BuiltProgram[] = [];
  const waiting = new Map<string, Passing[]>();
  for (const program of inOrder(application)) {
    const isFirst = application.flows.every(({ to }) => to !== program.name);
    const packets = isFirst ? arrived : (waiting.get(program.name) ?? []);
    const made = await measureOne(program, packets, { application, reader, beside, most, io });
    built.push(made);
    if (made.kind === 'server') continue;
    for (const { verdict, ...packet } of made.measured.out) {
      const next = application.flows.find(({ from, on }) => from === program.name && on === verdictName(verdict));
      if (next !== undefined) waiting.set(next.to, [...(waiting.get(next.to) ?? []), packet]);
    }
  }
  return buildProblem(application, built, arrived.length);
}

/** Programs, each after those whose packets it gets; there are no rings. */
function inOrder({ programs, flows }: Application): AppProgram[] {
  const depth = (name: string): number =>
    flows.filter(({ to }) => to === name).reduce((most, { from }) => Math.max(most, 1 + depth(from)), 0);
  return [...programs].sort((a, b) => depth(a.name) - depth(b.name));
}

interface Context {
  readonly application: Application;
  readonly reader: NodeReader;
  readonly beside: (name: string) => string;
  readonly most: number;
  readonly io: Io;
}

async function measureOne(
  { name, line, code }: AppProgram,
  packets: readonly Passing[],
  { application, reader, beside, most, io }: Context,
): Promise<BuiltProgram> {
  if (code.kind === 'server') return { kind: 'server', name, cost: code.cost, packets: packets.length };
  return reader.reading(line, async () => {
    const object = await openProgramFile(beside(code.path), io, {});
    const program = pickProgram(object, code.program);
    const file = code.mapsIn === undefined ? undefined : beside(code.mapsIn);
    const contents = file === undefined ? undefined : parseMapsFile(decodeUtf8(await readInput(file, io)), file);
    const { facts } = await io.work('verifying', () => Verdicts.of(object, { facts: true }).of(program));
    const measured = await io.work('counting', () =>
      measureProgram(object, program, packets, {
        fill: (machine) => contents !== undefined && loadMaps(machine, contents, file),
        facts,
        most,
        tables: tablesOf(application.elements),
      }),
    );
    return { kind: 'object', name, maps: object.maps, measured };
  });
}

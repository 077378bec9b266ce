/** Flags of `jitnic debug`, or what an editor launches it with, to a debugger that stands where the packet arrives. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { InputError, UsageError } from '../base/index.js';
import { Debugger, Execution, type LineTable, type SourceReader } from '../debug/index.js';
import { buildPacket, type PacketBatch, packetsOf } from '../packet/index.js';
import { type Arrival, Session } from '../runtime/index.js';
import { count, nearest, wholeNumber } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import type { LoadedProgram } from '../vm/index.js';
import { openCaptureFile } from './capture-input.js';
import type { Io } from './command.js';
import { declareReading } from './program-file.js';
import { declareWorld, openProgram, type SessionFlags, worldOptions } from './run-options.js';

/** What a packet is debugged with. */
export interface DebugFlags extends SessionFlags {
  readonly packet?: string;
  readonly layers?: string;
}

/** Declares them, but for the program. */
export function declareDebug(command: Command): void {
  declareReading(command);
  command
    .option('-r, --read <file>', 'capture to read: pcap or pcapng, also .gz')
    .option('--packet <n>', 'packet of the capture to stop at, counted from 1 (default 1); those before it run first')
    .option('--layers <text>', 'the packet itself, such as eth/ip/udp(dport=53)/"x"; behind the packets of -r, if any');
  declareWorld(command);
}

/** What editors put beside a launch's own arguments. */
const editorsOwn: readonly string[] = [
  'type',
  'request',
  'name',
  'noDebug',
  'console',
  'cwd',
  'env',
  'presentation',
  'preLaunchTask',
  'postDebugTask',
  'internalConsoleOptions',
  'debugServer',
  'serverReadyAction',
  'suppressMultipleSessionWarning',
];

/**
 * Flags in camel case, as an editor's settings have them: numbers are numbers, and what may be given several times is
 * a list, or an object of names and values. Throws UsageError for a name that is nearly a flag's.
 */
export function launchFlags(args: Readonly<Record<string, unknown>>): DebugFlags {
  const command = new Command();
  declareDebug(command);
  const known = new Map(command.options.map((option) => [option.attributeName(), option] as const));
  const flags: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(args)) {
    const option = known.get(name);
    if (option === undefined) {
      const near = editorsOwn.includes(name) || name.startsWith('__') ? undefined : nearest(name, [...known.keys()]);
      if (near !== undefined) throw new UsageError(`there is no \`${name}\``, {}, `did you mean \`${near}\`?`);
      continue;
    }
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    const words = isObject
      ? Object.entries(value).map(([key, one]) => `${key}=${typeof one === 'object' ? JSON.stringify(one) : one}`)
      : [value].flat().map((one) => (typeof one === 'boolean' ? one : String(one)));
    // What takes several words has a function that collects them.
    flags[name] = option.parseArg === undefined ? words[0] : words;
  }
  return flags as DebugFlags;
}

/** A packet under a debugger, and the text of its sources. */
export interface Opened {
  readonly debug: Debugger;
  readonly source: SourceReader;
}

/** Runs the packets before, then records the one. Throws UsageError, InputError and what loading throws. */
export async function openDebugger(file: string, name: string | undefined, flags: DebugFlags, io: Io): Promise<Opened> {
  if (flags.read === undefined && flags.layers === undefined)
    throw new UsageError('which packet?', {}, 'give `-r CAPTURE --packet N`, or `--layers eth/ip/udp`');
  if (flags.layers !== undefined && flags.packet !== undefined)
    throw new UsageError('`--layers` is the packet: `--packet` names another one');
  if (flags.check === true)
    throw new UsageError('`--check` compares a run with the interpreter: here there is no other');
  const { object, program } = await openProgram(file, name, flags, io);
  const world = await worldOptions(flags, io);
  const number = wholeNumber('--packet', flags.packet, 1) ?? 1;
  const plain = { check: false, card: false, host: 'interp', verdicts: Verdicts.none() } as const;
  const session = await io.work('making the maps', () => new Session(object, program, { ...world, ...plain }));
  const arrival = await arrivalOf(session, number, flags, io);
  const { machine } = session.runtime;
  const loaded = machine.programs[object.programs.indexOf(program)] as LoadedProgram; // it is one of the object's
  const input = session.arrive(arrival);
  const execution = await io.work('running the packet', () => new Execution(machine, loaded, input, world));
  const verdicts = Verdicts.of(object, { facts: true });
  const debug = new Debugger(execution, {
    facts: (index) => {
      const asked = object.programs[index];
      return asked === undefined ? undefined : verdicts.factsOf(asked);
    },
  });
  return { debug, source: sourceReader(debug.lines, [dirname(file), process.cwd()]) };
}

/** The packet that is asked for, when those before it have run. */
async function arrivalOf(session: Session, number: number, flags: DebugFlags, io: Io): Promise<Arrival> {
  const own = flags.layers === undefined ? undefined : buildPacket(flags.layers);
  if (flags.read === undefined) return { data: own ?? new Uint8Array(0) };
  const limit = wholeNumber('--count', flags.count, 0) ?? Number.POSITIVE_INFINITY;
  const input = await openCaptureFile(flags.read, io);
  let seen = 0;
  /** Runs packets up to the one that is asked for, and returns that one. */
  const runBatch = (batch: PacketBatch): Arrival | undefined => {
    for (const { data, time } of packetsOf(batch)) {
      if (seen >= limit) break;
      seen++;
      if (own === undefined && seen === number) return { data: data.slice(), time };
      session.run({ data, time });
    }
    return undefined;
  };
  for await (const batch of input.batches()) {
    const found = await io.work('running the packets before', () => runBatch(batch));
    if (found !== undefined) return found;
  }
  if (own !== undefined) return { data: own };
  throw new InputError(`there is no packet ${number}`, { file: flags.read }, `it has ${count(seen, 'packet')}`);
}

/**
 * Lines of source files as they are on disk: where the object says, beside it, or in the folder at hand. A file whose
 * lines are not those that the object was compiled from is not taken.
 */
export function sourceReader(lines: LineTable, folders: readonly string[]): SourceReader {
  const known = new Map<string, readonly string[] | undefined>();
  return (file) => {
    if (!known.has(file)) known.set(file, readSource(lines, file, folders)?.lines);
    return known.get(file);
  };
}

/** The file on disk that an object's source is, with its lines. */
export function readSource(
  lines: LineTable,
  file: string,
  folders: readonly string[],
): { readonly path: string; readonly lines: readonly string[] } | undefined {
  const paths = [file, ...folders.flatMap((folder) => [resolve(folder, file), resolve(folder, basename(file))])];
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const text = readFileSync(path, 'utf8').split(/\r?\n/);
    const numbers = lines.linesOf(file);
    const isSame = (line: number): boolean => text[line - 1]?.trim() === lines.textOf({ file, line })?.trim();
    if (numbers.every(isSame)) return { path: resolve(path), lines: text };
  }
  return undefined;
}

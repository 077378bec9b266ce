/** The flags that `run` and `trace` share, from text to a {@link Session}. */

import type { Command } from 'commander';
import { decodeUtf8, UsageError } from '../base/index.js';
import { type ObjectSpec, type ProgramSpec, pickProgram, sizeMaps } from '../object/index.js';
import { type Clock, Session, type SessionOptions } from '../runtime/index.js';
import { count, wholeNumber } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { ConntrackTable, FibTable, RxMetadata, SocketTable } from '../vm/index.js';
import { type MapsFile, parseJson, parseMapsFile } from '../vm/map-json.js';
import { parseMapsScript } from '../vm/map-script.js';
import { type CacheFlags, cacheOptions, declareCacheFlags } from './cache-options.js';
import { collect } from './collect.js';
import type { Io } from './command.js';
import { readInput } from './files.js';
import { declareGlobals, type GlobalFlags, setByFlags } from './global-flags.js';
import { declareOpt, type OptFlags, settingsOf } from './opt-flags.js';
import { declareReading, openProgramFile, type ReadingFlags } from './program-file.js';
import { declareStore, openStore, type StoreFlags } from './run-store.js';

/** What a run is made of, card or not. */
export interface SessionFlags extends ReadingFlags, GlobalFlags {
  readonly read?: string;
  readonly count?: string;
  readonly check?: true;
  readonly mapsIn?: string;
  readonly mapsScript?: string;
  readonly mapEntries?: readonly string[];
  readonly seed?: string;
  readonly clock?: string;
  readonly cpus?: string;
  readonly fib?: string;
  readonly sockets?: string;
  readonly conntrack?: string;
  readonly rxMetadata?: string | undefined;
  readonly ifindex?: string;
  readonly maxInsns?: string;
  readonly maxTraceInsns?: string;
  readonly maxTraceGuards?: string;
}

/** The flags of `run` and `trace`, as commander yields them. */
export interface RunFlags extends SessionFlags, CacheFlags, OptFlags, StoreFlags {
  /** False for `--no-card`; a name or a file of `--card`. */
  readonly card?: boolean | string;
  readonly bypass?: boolean;
  readonly traces?: string;
  readonly engine?: string;
  readonly verify?: boolean;
}

/** Our own engines. */
const engines: readonly string[] = ['interp', 'wasm', 'trace'];

/** Do these flags ask for a card? */
export function hasCard({ card, engine }: RunFlags): boolean {
  return card !== false && (engine === undefined || engine === 'trace');
}

/** Declares all of {@link RunFlags}, by headings. */
export function declareRunFlags(command: Command): void {
  declareInput(command);
  declareCacheFlags(command);
  declareOpt(command);
  declareStore(command);
  command
    .optionsGroup('Card and host:')
    .option('--no-card', 'no card: the host runs every packet, as with --engine wasm')
    .option('--traces <file>', 'traces on the card before the first packet: see trace --dump json')
    .option(
      '--bypass',
      'let the card rest while its traces do not pay: the host runs those packets; run does so unless asked about traces or cache',
    )
    .option('--no-bypass', 'offer every packet to the card, whether its traces pay or not')
    .option(
      '--engine <name>',
      'trace (card and host; default), wasm (the host alone, compiled), interp (the host alone, interpreted) or kernel (the running one)',
    )
    .option('--no-verify', 'run a program that Linux would not load: the host interprets, and every access is checked')
    .optionsGroup('Options:');
  declareWorld(command);
}

/** Program and packets. */
export function declareInput(command: Command): void {
  declareReading(command);
  command
    .argument('<file>', 'ELF object, .c, .s, or -')
    .argument('[program]', 'program or section; may be left out where there is only one')
    .option('-r, --read <file>', 'capture to read: pcap or pcapng, also .gz; - is stdin')
    .option('-c, --count <n>', 'stop after n packets');
}

/** What surrounds a program, and limits; `isMany`: there are several programs, whose maps may differ. */
export function declareWorld(command: Command, isMany = false): void {
  command.optionsGroup('World and limits:');
  const mapsIn = command.createOption('--maps-in <file>', 'contents of maps before the first packet');
  declareGlobals(command);
  command
    .option('--check', 'run the plain interpreter beside it and stop at the first difference')
    .addOption(isMany ? mapsIn.argParser(collect) : mapsIn)
    .option('--maps-script <file>', 'changes of maps during the run')
    .option(
      '--map-entries <map=n>',
      'size of a map that the object leaves open; may be given several times',
      collect,
      [],
    )
    .option('--seed <n>', 'seed of bpf_get_prandom_u32 (default 1)')
    .option('--clock <clock>', 'capture, fixed:NS or step:NS (default capture)')
    .option('--cpus <n>', 'possible CPUs; flows are spread over them (default 1)')
    .option('--fib <file>', 'routes and neighbours for bpf_fib_lookup')
    .option('--sockets <file>', 'sockets for the socket look-ups')
    .option('--conntrack <file>', 'connections for bpf_xdp_ct_lookup and its kin')
    .option('--rx-metadata <file>', 'what the device knows of frames, for bpf_xdp_metadata_rx_*; with it --dev-bound')
    .option('--ifindex <n>', 'interface that packets arrive at (default 1)')
    .option('--max-insns <n>', 'instructions that one packet may take; the host interprets (default 16777216)')
    .option('--max-trace-insns <n>', 'values that a trace may have while it is recorded (default 20000)')
    .option('--max-trace-guards <n>', 'guards that a trace may have (default 1000)')
    .optionsGroup('Options:');
}

/** A program and the object that it is in, map sizes set. */
export interface Chosen {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
}

/** FILE and PROG, with map sizes and variables of flags. */
export async function openProgram(
  file: string,
  name: string | undefined,
  flags: SessionFlags,
  io: Io,
): Promise<Chosen> {
  return chooseProgram(await openProgramFile(file, io, flags), name, flags, io);
}

/** PROG of an object, with map sizes and variables of flags. */
export function chooseProgram(
  read: ObjectSpec,
  name: string | undefined,
  flags: SessionFlags,
  io?: Pick<Io, 'info'>,
): Chosen {
  const program = pickProgram(read, name);
  const object = setByFlags(sizedByFlags(read, flags.mapEntries ?? []), flags, io);
  return { object, program: object.programs[read.programs.indexOf(program)] ?? program };
}

/** Opens FILE and PROG and makes a session. Throws what reading, loading and admitting throw. */
export async function openSession(
  file: string,
  name: string | undefined,
  flags: RunFlags,
  io: Io,
  more: Pick<SessionOptions, 'keepRecordings' | 'keepConditions' | 'counts'> = {},
): Promise<Session> {
  const chosen = await openProgram(file, name, flags, io);
  const options = await sessionOptions(flags, io);
  const session = await verifiedSession(chosen, flags, { ...options, ...more }, io);
  noteLoaded(session, flags, io);
  return session;
}

/** What came of the traces of `--traces`, unless all of them are on the card. */
export function noteLoaded({ loaded }: Session, { traces }: RunFlags, io: Io): void {
  const of = (kind: (typeof loaded)[number]): number => loaded.filter((each) => each === kind).length;
  const [stale, refused] = [of('stale'), of('refused')];
  if (stale > 0) io.info(`${traces}: ${count(stale, 'trace')} left out: maps do not hold what they take for granted`);
  if (refused > 0) io.info(`${traces}: ${count(refused, 'trace')} left out: the card has no place for them`);
}

/** What there is to do about a program that Linux would not load. */
export const rejectionHint =
  '`jitnic verify` explains it; `--no-verify` runs it all the same, with every access checked';

/** Makes a session, and has the program verified unless flags say otherwise. */
export async function verifiedSession(
  { object, program }: Chosen,
  flags: RunFlags,
  options: SessionOptions,
  io: Pick<Io, 'work'>,
): Promise<Session> {
  const verdicts = flags.verify === false ? Verdicts.none() : (options.verdicts ?? Verdicts.of(object, options));
  const session = await io.work('making the maps', () => new Session(object, program, { ...options, verdicts }));
  // After the session: what cannot run at all is said before what Linux would say.
  if (flags.verify !== false) await io.work('verifying', () => verdicts.require(object, program, rejectionHint));
  return session;
}

/** `--map-entries NAME=N`: what a loader would do with bpf_map__set_max_entries. */
function sizedByFlags(object: ObjectSpec, sizes: readonly string[]): ObjectSpec {
  if (sizes.length === 0) return object;
  const wanted = new Map<string, number>();
  for (const text of sizes) {
    const match = /^(.+)=(\d+)$/.exec(text);
    if (match === null) throw new UsageError(`\`--map-entries ${text}\`: not MAP=NUMBER`);
    wanted.set(match[1] as string, Number(match[2]));
  }
  for (const name of wanted.keys()) {
    if (!object.maps.some((map) => map.name === name))
      throw new UsageError(
        `\`--map-entries\`: no map \`${name}\``,
        {},
        `maps: ${object.maps.map((map) => map.name).join(', ')}`,
      );
  }
  return sizeMaps(object, 0, wanted).object;
}

/** `--maps-in`, read. */
export async function readMapsIn(flags: SessionFlags, io: Io): Promise<MapsFile | undefined> {
  if (flags.mapsIn === undefined) return undefined;
  return parseMapsFile(decodeUtf8(await readInput(flags.mapsIn, io)), flags.mapsIn);
}

/**
 * Flags to options of a {@link Session}, files read. Combinations that cannot take effect are refused here, each with
 * what to leave out. Throws UsageError, InputError.
 */
export async function sessionOptions(flags: RunFlags, io: Io): Promise<SessionOptions> {
  const { engine } = flags;
  if (engine !== undefined && !engines.includes(engine)) {
    throw new UsageError(`no engine \`${engine}\``, {}, `engines: ${engines.join(', ')}, kernel`);
  }
  if (flags.card === false && engine === 'trace')
    throw new UsageError('`--no-card` and `--engine trace` exclude each other');
  if (flags.verify === false && engine === 'wasm')
    throw new UsageError(
      '`--no-verify` and `--engine wasm` exclude each other: only verified programs are compiled whole',
      {},
      'leave out `--engine`: the card takes traces of such programs too',
    );
  if (flags.maxInsns !== undefined && engine === 'wasm')
    throw new UsageError('`--max-insns` and `--engine wasm` exclude each other: compiled code does not count');
  const card = hasCard(flags);
  // A limit of instructions needs an engine that counts them, and code that was not verified one that checks accesses.
  const host = engine === 'interp' || flags.verify === false || flags.maxInsns !== undefined ? 'interp' : 'wasm';
  if (flags.opt !== undefined && host === 'interp')
    throw new UsageError(
      '`-O` has nothing to optimize: the host interprets',
      {},
      'leave out `--engine interp`, `--no-verify` and `--max-insns`',
    );
  if (flags.bypass === true && (!card || host === 'interp'))
    throw new UsageError('`--bypass` chooses between a card and a host that compiles: one of them is missing here');
  // Without `-O` the passes follow from how much there is to do.
  const settings = flags.opt === undefined ? undefined : settingsOf(flags);
  if (flags.traces !== undefined && !card) throw new UsageError('`--traces` has nowhere to put them: there is no card');
  const traces =
    flags.traces === undefined
      ? undefined
      : { json: parseJson(decodeUtf8(await readInput(flags.traces, io)), flags.traces), file: flags.traces };
  const store = openStore(flags, io);
  const bypass = flags.bypass === true;
  return {
    card,
    host,
    bypass,
    traces,
    settings,
    store,
    ...cacheOptions(flags, card),
    ...(await worldOptions(flags, io)),
  };
}

/** What surrounds a program, read. Throws UsageError, InputError. */
export async function worldOptions(flags: SessionFlags, io: Io): Promise<SessionOptions> {
  const text = async (path: string): Promise<string> => decodeUtf8(await readInput(path, io));
  const json = async (path: string): Promise<unknown> => parseJson(await text(path), path);
  const contents = await readMapsIn(flags, io);
  const limits = {
    ...optional('maxValues', wholeNumber('--max-trace-insns', flags.maxTraceInsns, 1)),
    ...optional('maxGuards', wholeNumber('--max-trace-guards', flags.maxTraceGuards, 0)),
  };
  return {
    check: flags.check === true,
    seed: BigInt(wholeNumber('--seed', flags.seed, 0) ?? 1),
    clock: parseClock(flags.clock),
    cpus: wholeNumber('--cpus', flags.cpus, 1),
    ingressIfindex: wholeNumber('--ifindex', flags.ifindex, 0),
    maxSteps: wholeNumber('--max-insns', flags.maxInsns, 1),
    limits,
    fib: flags.fib === undefined ? undefined : FibTable.parse(await json(flags.fib), flags.fib),
    conntrack:
      flags.conntrack === undefined ? undefined : ConntrackTable.parse(await json(flags.conntrack), flags.conntrack),
    rxMetadata:
      flags.rxMetadata === undefined ? undefined : RxMetadata.parse(await json(flags.rxMetadata), flags.rxMetadata),
    sockets: flags.sockets === undefined ? undefined : SocketTable.parse(await json(flags.sockets), flags.sockets),
    maps: contents === undefined ? undefined : { contents, file: flags.mapsIn },
    script:
      flags.mapsScript === undefined
        ? undefined
        : { changes: parseMapsScript(await text(flags.mapsScript), flags.mapsScript), file: flags.mapsScript },
  };
}

/** A field, or none: the receiver's default holds where the key is missing. */
function optional(key: string, value: number | undefined): Record<string, number> {
  return value === undefined ? {} : { [key]: value };
}

/** `capture` takes packets' own times, `fixed:NS` never moves, `step:NS` goes on by so much with each packet. */
function parseClock(text: string | undefined): Clock {
  if (text === undefined || text === 'capture') return { kind: 'capture' };
  const match = /^(fixed|step):(\d+)$/.exec(text);
  if (match === null) throw new UsageError(`\`--clock ${text}\` is none`, {}, 'give capture, fixed:NS or step:NS');
  return { kind: match[1] as 'fixed' | 'step', ns: BigInt(match[2] as string) };
}

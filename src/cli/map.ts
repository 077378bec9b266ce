/**
 * `jitnic map dump|lookup|update|delete FILE MAP` and `jitnic map get|set FILE NAME...`: access to maps and global
 * variables by name, in map files that `jitnic run` reads and writes. The maps are those of the object, created as
 * Linux would and filled from `--maps-in`; what Linux would refuse is refused by the same error number.
 */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { errnoName } from '../platform/index.js';
import { count, printable } from '../text/index.js';
import {
  type BpfMap,
  type DumpedEntry,
  dumpEntry,
  dumpMaps,
  encodeEntry,
  encodeKey,
  findGlobal,
  findMap,
  globalsOf,
  loadMaps,
  MapStore,
  mapsText,
  parseMapsFile,
  writeGlobal,
} from '../vm/index.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { readInput, writeOutput } from './files.js';
import { globalsText, gotten, parseAssignment, sectionBytes } from './global-flags.js';
import { declareKernelFlags, type KernelFlags } from './kernel-flags.js';
import { runOnDaemon } from './map-daemon.js';
import { type MapWords, parseMapWords } from './map-words.js';
import { unknownOperation } from './operations.js';
import { openProgramFile } from './program-file.js';

interface Options extends KernelFlags {
  readonly mapsIn?: string;
  readonly mapsOut?: string;
  readonly cpus?: string;
  readonly cpu?: string;
  readonly socket?: string;
}

/** What can be done: by bpftool's names, and `get` and `set`, which take names of members. */
const operations = ['dump', 'lookup', 'update', 'delete', 'get', 'set'] as const;
type Operation = (typeof operations)[number];

type MapOperation = Exclude<Operation, 'get' | 'set'>;

/** What became of the operation. */
type Answer = { readonly entries: readonly DumpedEntry[] } | { readonly error: number } | 'done';

/** Exit 1 where a map refuses; then no file is written. JSON: `jitnic.map/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareKernelFlags(command);
    command
      .argument('<operation>', 'dump, lookup, update or delete; of variables: get or set')
      .argument('[file]', 'ELF object, .c, .s, or - for stdin')
      .argument('[map]', 'name of the map; dump prints all maps without it, get all variables')
      .argument('[data...]', 'key DATA [value DATA [any|noexist|exist]]; see below')
      .option('--maps-in <file>', 'what the maps hold before; by default what the object says')
      .option('--maps-out <file>', 'where to write what all maps hold afterwards; - is stdout')
      .option('--cpus <n>', 'number of CPUs, for per-CPU maps (default 1)')
      .option('--cpu <n>', 'update the value of this CPU only')
      .option('--socket <path>', "a daemon's maps (`jitnic serve`), in bpftool's words")
      .addHelpText(
        'after',
        `
Global variables: get FILE [NAME...], set FILE NAME=VALUE...
  jitnic map get prog.o --maps-in after.json seen 'counts[2]'
  jitnic map set prog.o 'counts[2]=7' --maps-out maps.json

A daemon's maps: map dump id 3 --socket PATH; also show, lookup, update, delete,
getnext, pin, unpin, create

DATA is one of
  hex 0a 00 00 01          bytes in hexadecimal, as in bpftool
  10 0 0 1                 bytes, as in bpftool
  7                        one number: an integer of the key's or value's size
  ipv4:10.0.0.1 be16:80    parts: u8 u16 u32 u64 be16 be32 be64 ipv4 ipv6
                           mac hex pad prog map
  '[{"be16": 80}]'         JSON as in map files`,
      );
  },
  run: async ([operation = '', file, name, ...words], options, io) => {
    if (options.socket !== undefined) {
      const given = [file, name, ...words].filter((word) => word !== undefined);
      return runOnDaemon(operation, given, options.socket, io);
    }
    if (file === undefined) throw new UsageError("missing required argument 'file'");
    checkFlags(operation, name, options, io);
    if (operation === 'get' || operation === 'set')
      return runGlobals(
        operation,
        file,
        [name, ...words].filter((word) => word !== undefined),
        options,
        io,
      );
    const request = parseMapWords(words.filter((word) => word !== undefined));
    checkWords(operation, name, request, words.length);
    const store = await openMaps(file, options, io);
    const maps = name === undefined ? store.maps : [findMap(store, name, file)];
    const answers = maps.map((map) => ({ map, answer: perform(operation, store, map, request, options) }));
    const refused = answers.some(({ answer }) => answer !== 'done' && 'error' in answer);
    if (options.mapsOut !== undefined && !refused) await writeOutput(options.mapsOut, mapsText(store), io);
    if (io.flags.json) printJson(operation, answers, io);
    else if (options.mapsOut !== '-') for (const { map, answer } of answers) printAnswer(operation, map, answer, io);
    return refused ? exitCodes.negative : (exitCodes.ok as ExitCode);
  },
});

/** The object's maps, filled. */
async function openMaps(file: string, options: Options, io: Io): Promise<MapStore> {
  const object = await openProgramFile(file, io, options);
  const store = new MapStore(object, cpuCount(options.cpus));
  if (options.mapsIn !== undefined) {
    const text = new TextDecoder().decode(await readInput(options.mapsIn, io));
    loadMaps(store, parseMapsFile(text, options.mapsIn), options.mapsIn);
  }
  return store;
}

/** `get` and `set`: variables in place of maps. */
async function runGlobals(
  operation: 'get' | 'set',
  file: string,
  words: readonly string[],
  options: Options,
  io: Io,
): Promise<ExitCode> {
  const store = await openMaps(file, options, io);
  const { object, maps } = store;
  if (operation === 'set') {
    for (const [name, value] of words.map(parseAssignment)) {
      const place = findGlobal(object, name);
      const { map, isConstant, section } = place.variable;
      if (isConstant)
        throw new UsageError(
          `\`${name}\` is a constant (${section})`,
          {},
          `it is set before the program is loaded: jitnic run --set ${name}=...`,
        );
      const bytes = sectionBytes(maps[map]).slice();
      writeGlobal(object, place, bytes, value);
      maps[map]?.updateElem(new Uint8Array(4), bytes);
    }
    if (options.mapsOut !== undefined) await writeOutput(options.mapsOut, mapsText(store), io);
    if (io.flags.json) io.json('jitnic.map/1', { operation, done: true });
    return exitCodes.ok;
  }
  if (options.mapsOut !== undefined) throw new UsageError('`get` writes no map file', {}, 'leave out `--maps-out`');
  const names = words.length > 0 ? words : globalsOf(object).map(({ name }) => name);
  const values = gotten(object, { get: names }, (map) => sectionBytes(maps[map])) ?? {};
  if (io.flags.json) io.json('jitnic.map/1', { operation, globals: values });
  else io.out(globalsText(values));
  return exitCodes.ok;
}

function isOperation(word: string): word is Operation {
  return (operations as readonly string[]).includes(word);
}

/** Refuses operations and flags that say nothing together, before anything is read. */
function checkFlags(
  operation: string,
  name: string | undefined,
  options: Options,
  io: Io,
): asserts operation is Operation {
  if (!isOperation(operation)) throw unknownOperation(operation, operations);
  const changes = operation === 'update' || operation === 'delete' || operation === 'set';
  if (name === undefined && operation === 'set')
    throw new UsageError('set which variable?', {}, 'jitnic map set FILE NAME=VALUE ... --maps-out FILE');
  if (name === undefined && operation !== 'dump' && operation !== 'get')
    throw new UsageError(`${operation} which map?`, {}, `jitnic map ${operation} FILE MAP key ...`);
  if (changes && options.mapsOut === undefined) {
    throw new UsageError(
      `the ${operation} would be lost`,
      {},
      'name the map file to write: `--maps-out FILE`; it may be that of `--maps-in`',
    );
  }
  if (options.cpu !== undefined && operation !== 'update')
    throw new UsageError('`--cpu` is for update', {}, 'look-ups show all CPUs');
  if (options.mapsOut === '-' && (io.flags.json || operation === 'lookup')) {
    throw new UsageError(`\`--maps-out -\` and ${io.flags.json ? '`--json`' : 'the value'} both want stdout`);
  }
}

/** The same for keys and values. */
function checkWords(operation: Operation, name: string | undefined, request: MapWords, words: number): void {
  if (operation === 'dump' && words > 0)
    throw new UsageError('dump takes no key', {}, `jitnic map lookup FILE ${name} key ...`);
  if (operation !== 'update' && request.value !== undefined) throw new UsageError(`${operation} takes no value`);
  if (operation === 'update' && request.value === undefined)
    throw new UsageError('update to what?', {}, 'jitnic map update FILE MAP key DATA value DATA');
}

/** How many values a per-CPU map has for each key. */
function cpuCount(text: string | undefined): number {
  const cpus = text === undefined ? 1 : Number(text);
  if (Number.isInteger(cpus) && cpus >= 1 && cpus <= 1024) return cpus;
  throw new UsageError(`\`--cpus ${text}\` makes no sense`, {}, 'expected a number from 1 to 1024');
}

/** The operation on one map; a refusal of the map is the error number that bpf(2) would give. */
function perform(operation: MapOperation, store: MapStore, map: BpfMap, request: MapWords, options: Options): Answer {
  switch (operation) {
    case 'dump': {
      const dumped = dumpMaps(store, { names: [map.spec.name] });
      return { entries: dumped.maps[map.spec.name] ?? [] };
    }
    case 'lookup': {
      const key = encodeKey(store, map, request.key);
      const value = map.lookupElem(key);
      return typeof value === 'number' ? { error: value } : { entries: [dumpEntry(store, map, key, value, true)] };
    }
    case 'update': {
      const cpu = options.cpu === undefined ? {} : { cpu: Number(options.cpu) };
      const { key, value } = encodeEntry(store, map, { key: request.key, value: request.value, ...cpu });
      return done(map.updateElem(key, value, request.flags));
    }
    case 'delete':
      return done(map.deleteElem(encodeKey(store, map, request.key)));
  }
}

function done(result: number): Answer {
  return result < 0 ? { error: result } : 'done';
}

/** A map and what came of the operation there. */
interface Answered {
  readonly map: BpfMap;
  readonly answer: Answer;
}

/** Keys of `jitnic.map/1`; names as bpftool has them. */
function printJson(operation: Operation, answers: readonly Answered[], io: Io): void {
  io.json('jitnic.map/1', {
    operation,
    maps: answers.map(({ map, answer }) => ({
      name: map.spec.name,
      type: map.spec.type,
      bytes_key: map.spec.keySize,
      bytes_value: map.spec.valueSize,
      max_entries: map.spec.maxEntries,
      error: answer !== 'done' && 'error' in answer ? errnoName(answer.error) : undefined,
      entries: answer !== 'done' && 'entries' in answer ? answer.entries : undefined,
    })),
  });
}

/** What a person reads: entries on stdout, a refusal on stderr; a change that worked says nothing. */
function printAnswer(operation: Operation, map: BpfMap, answer: Answer, io: Io): void {
  const { spec } = map;
  if (answer === 'done') return;
  if ('error' in answer) {
    const reason = refusals[errnoName(answer.error)];
    io.err(
      `${printable(spec.name)}: ${operation}: ${errnoName(answer.error)}${reason === undefined ? '' : `, ${reason}`}\n`,
    );
    return;
  }
  if (operation === 'dump') {
    const shape = `${spec.type}, key ${spec.keySize} B, value ${spec.valueSize} B`;
    const filled = `${count(answer.entries.length, 'entry', 'entries')} of ${count(spec.maxEntries, 'entry', 'entries').split(' ')[0]}`;
    io.out(`${io.style.bold(printable(spec.name))}  ${shape}, ${filled}\n`);
  }
  for (const entry of answer.entries) io.out(entryText(entry));
}

/** What the error numbers of Linux mean for one element. */
const refusals: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such key',
  EEXIST: 'the key is there already',
  E2BIG: 'there is no such element, or the map is full',
  ENOSPC: 'the map is full',
  EPERM: 'the map is read-only',
  EBADF: 'there is no such program or map',
  EINVAL: 'this map does not do that',
  EOPNOTSUPP: 'this map does not do that',
  ENOTSUPP: 'this map does not do that',
};

/** Two columns of text, one line where that is short: `key 1 value 7`, or the bytes where the types are not known. */
function entryText(entry: DumpedEntry): string {
  const key = entry.key === undefined ? [] : [`key ${show(entry.formatted?.key ?? entry.key)}`];
  const values = entry.formatted?.values ?? entry.values;
  const value =
    values === undefined
      ? [`value ${show(entry.formatted?.value ?? entry.value)}`]
      : values.map((one, cpu) => `cpu ${cpu} value ${show(one)}`);
  const parts = [...key, ...value];
  const line = `  ${parts.join('  ')}`;
  return line.length <= 100 ? `${line}\n` : `  ${parts.join('\n    ')}\n`;
}

/** JSON without what only a parser needs. */
function show(value: unknown): string {
  if (typeof value !== 'object' || value === null) return printable(String(value));
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  const fields = Object.entries(value).map(([name, item]) => `${printable(name)}: ${show(item)}`);
  return `{ ${fields.join(', ')} }`;
}

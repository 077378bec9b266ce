/**
 * `jitnic map ... --socket PATH`: maps that a daemon holds, in bpftool's words (tools/bpf/bpftool/map.c is the source
 * of operations and of what is printed). Beside `map` on files, since there a map is a section of an object and here
 * it is alive: words, answers and mistakes have little in common.
 *
 * Bytes go over the wire in hexadecimal and come back as bpftool's lists of `0x..`. They are never read as numbers
 * here: byte order and types are the program's business.
 */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { toHex, u32Bytes } from '../offload/index.js';
import { Words } from './bpftool-words.js';
import type { Io } from './command.js';
import { type Caller, openCaller } from './daemon-call.js';
import { pauseUnless } from './interrupt.js';

/** A JSON object. */
type Fields = Readonly<Record<string, unknown>>;

/** One text for all mistakes: with these words the whole line is usually wrong, not one of them. */
const usage = `operations: show [MAP], dump MAP, lookup MAP key DATA, update MAP key DATA value DATA [any|exist|noexist],
delete MAP key DATA, getnext MAP [key DATA], event_pipe MAP [count N], pin MAP PATH, unpin PATH,
create PATH type TYPE key SIZE value SIZE entries N name NAME [flags N] [dev NAME]; MAP is \`id N\` or \`pinned PATH\``;

/** Exit 1 where kernel or driver refuse. JSON: `jitnic.map/1`, what the daemon answers under `answer`. */
export async function runOnDaemon(
  operation: string,
  given: readonly string[],
  socket: string,
  io: Io,
): Promise<ExitCode> {
  const caller = openCaller({ socket }, io);
  try {
    if (operation === 'event_pipe') return await pipeEvents(new Words(given, usage), caller, io);
    const answer = await asked(operation, new Words(given, usage), caller);
    if (io.flags.json) io.json('jitnic.map/1', { operation, answer });
    else io.out(answerText(operation, answer));
    return exitCodes.ok;
  } finally {
    caller.close();
  }
}

/**
 * Turns words into a call. All words are taken before the call is made, so that `delete ... typo` deletes nothing;
 * JavaScript evaluates the body before `call` checks that none is left.
 */
async function asked(operation: string, words: Words, caller: Caller): Promise<unknown> {
  const call = (name: string, body: Fields): Promise<unknown> => {
    words.done();
    return caller.call(name, body);
  };
  switch (operation) {
    case 'show':
    case 'list':
      return call('map/show', words.isDone ? {} : words.ref());
    case 'dump':
      return call('map/dump', words.ref());
    case 'lookup':
    case 'delete':
      return call(`map/${operation}`, { ...words.ref(), key: dataAfter('key', words) });
    case 'getnext': {
      const ref = words.ref();
      return call('map/getnext', { ...ref, ...(words.isDone ? {} : { key: dataAfter('key', words) }) });
    }
    case 'update': {
      const body = { ...words.ref(), key: dataAfter('key', words), value: await valueAfter(words, caller) };
      return call('map/update', { ...body, ...(words.isDone ? {} : { flags: words.next('flags') }) });
    }
    case 'pin':
      return call('map/pin', { ...words.ref(), path: words.next('a path') });
    case 'unpin':
      return call('unpin', { path: words.next('a path') });
    case 'create':
      return call('map/create', created(words));
    default:
      throw new UsageError(`unknown operation \`${operation}\``, {}, usage);
  }
}

/** How often a daemon is asked for records, in milliseconds: it has no way to call. */
const period = 50;

/** Records of programs as they come, until there are so many, or Ctrl-C. Under -j they are one document at the end. */
async function pipeEvents(words: Words, caller: Caller, io: Io): Promise<ExitCode> {
  const ref = words.ref();
  const most = words.take('count') ? words.number('count') : Number.POSITIVE_INFINITY;
  words.done();
  const interrupt = io.catchInterrupt();
  const all: Fields[] = [];
  let seen = 0;
  while (seen < most && !interrupt.requested) {
    const events = (await caller.call('map/events', { ...ref, most: Math.min(most - seen, 1000) })) as Fields[];
    seen += events.length;
    if (io.flags.json) all.push(...events);
    else for (const event of events) io.out(eventText(event));
    if (events.length > 0) continue;
    await pauseUnless(interrupt, period);
  }
  const { requested: interrupted } = interrupt;
  if (io.flags.json)
    io.json('jitnic.map/1', { operation: 'event_pipe', answer: all, ...(interrupted ? { interrupted } : {}) });
  return interrupted ? exitCodes.interrupted : exitCodes.ok;
}

/** As print_bpf_output of map_perf_ring.c prints one. */
function eventText({ type, cpu, index, timestamp, data, lost }: Fields): string {
  if (type !== 9) return `lost ${(lost as { readonly count: number }).count} events\n`;
  const time = BigInt(timestamp as string);
  const at = `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, '0')}`;
  const bytes = (data as string[]).map((byte) => byte.slice(2));
  const lines = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) => bytes.slice(16 * i, 16 * i + 16));
  return `== @${at} CPU: ${cpu} index: ${index} =====\n${lines.map((line) => `${line.join(' ')}\n`).join('')}`;
}

/**
 * Bytes behind `key` or `value`, in hexadecimal: `hex 0a 00`, or `10 0`, or `0x0a 0x00`. As with bpftool, a word
 * without `0x` is decimal unless `hex` stands in front (map.c, parse_bytes); but a leading 0 makes no octal here. The
 * first word that is no byte ends them.
 */
function dataAfter(what: 'key' | 'value', words: Words): string {
  if (!words.take(what)) throw new UsageError(`\`${what} DATA\` is missing`, {}, usage);
  const isHex = words.take('hex');
  const bytes: string[] = [];
  for (let word = words.takeIf(isByte); word !== undefined; word = words.takeIf(isByte)) {
    const byte = Number(isHex && !word.startsWith('0x') ? `0x${word}` : word);
    if (!(byte < 256)) throw new UsageError(`\`${word}\` is no byte`, {}, usage);
    bytes.push(byte.toString(16).padStart(2, '0'));
  }
  return bytes.join('');
}

/** Bytes behind `value`; of a program array its program, as bpftool takes `id N` and `pinned PATH` there. */
async function valueAfter(words: Words, caller: Caller): Promise<string> {
  if (!words.isRefBehind('value')) return dataAfter('value', words);
  words.take('value');
  const { id } = (await caller.call('prog/show', words.ref())) as { readonly id: number };
  return toHex(u32Bytes(id));
}

/** Up to three digits, so that `256` is told as no byte and not as an unexpected word. */
const isByte = (word: string): boolean => /^(0x)?[0-9a-f]{1,3}$/i.test(word);

/** Words behind `create` as a body. Sizes in bytes; what is missing, the daemon names. */
function created(words: Words): Fields {
  const body: Record<string, unknown> = { pin: words.next('a path') };
  while (!words.isDone) {
    const name = words.next('a word');
    if (['key', 'value', 'entries', 'flags'].includes(name)) body[name] = words.number(name);
    else if (['type', 'name', 'dev'].includes(name)) body[name] = words.next(name);
    else throw new UsageError(`\`${name}\` was not expected`, {}, usage);
  }
  return body;
}

/** As bpftool prints it. */
function answerText(operation: string, answer: unknown): string {
  const bytes = (value: unknown): string => (value as string[]).map((byte) => byte.slice(2)).join(' ');
  switch (operation) {
    case 'show':
    case 'list':
      return (Array.isArray(answer) ? (answer as Fields[]) : [answer as Fields]).map(mapText).join('');
    case 'create':
      return mapText(answer as Fields);
    case 'dump': {
      const elements = answer as Fields[];
      const lines = elements.map(({ key, value }) => `key: ${bytes(key)}  value: ${bytes(value)}\n`);
      return `${lines.join('')}Found ${elements.length} element${elements.length === 1 ? '' : 's'}\n`;
    }
    case 'lookup': {
      const { key, value } = answer as Fields;
      return `key: ${bytes(key)}  value: ${bytes(value)}\n`;
    }
    case 'getnext': {
      const { key, next_key: next } = answer as Fields;
      return `key:\n${key === null ? 'None' : bytes(key)}\nnext key:\n${bytes(next)}\n`;
    }
    default:
      return '';
  }
}

/** Two lines a map and one a pin, as show_map_close_plain of map.c prints it. */
function mapText(map: Fields): string {
  const dev = map['dev'] as { readonly ifname: string } | undefined;
  const head = `${map['id']}: ${map['type']}  name ${map['name']}  flags 0x${Number(map['flags']).toString(16)}`;
  const sizes = `key ${map['bytes_key']}B  value ${map['bytes_value']}B  max_entries ${map['max_entries']}  memlock ${map['bytes_memlock']}B`;
  const pins = ((map['pinned'] as string[] | undefined) ?? []).map((pin) => `\tpinned ${pin}\n`).join('');
  return `${head}${dev === undefined ? '' : `  offloaded_to ${dev.ifname}`}\n\t${sizes}\n${pins}`;
}

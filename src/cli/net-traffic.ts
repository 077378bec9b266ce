/**
 * `jitnic net traffic start|show|stop`: packets of captures that arrive at network devices of a daemon. bpftool has no
 * word for it, since real cards are on a wire. A command of its own process has no time for it: there `jitnic run` is.
 */
import { type ExitCode, encodeBase64, exitCodes, UsageError } from '../base/index.js';
import { count } from '../text/index.js';
import type { Words } from './bpftool-words.js';
import type { Io } from './command.js';
import type { Caller } from './daemon-call.js';
import { readInput } from './files.js';
import { unknownOperation } from './operations.js';

/** A source as `traffic/show` answers it. */
interface Shown {
  readonly name: string;
  readonly dev: string;
  readonly state: string;
  readonly why?: string;
  readonly sent: number;
  readonly packets: number;
  /** 0: until it is stopped. */
  readonly loops: number;
  readonly bytes: number;
  /** Packets by verdict, by mode. */
  readonly decided: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly stack: number;
}

const operations = ['start', 'show', 'stop'];

/** JSON: `jitnic.traffic/1`. */
export async function runTraffic(words: Words, caller: Caller, io: Io): Promise<ExitCode> {
  const operation = words.next('start, show or stop');
  if (!operations.includes(operation)) throw unknownOperation(`traffic ${operation}`, operations);
  if (caller.isPrivate)
    throw new UsageError(
      'traffic arrives at cards of a daemon',
      {},
      'give `--socket PATH`; without a daemon `jitnic run FILE -r CAPTURE --card NAME` runs a capture',
    );
  const body = operation === 'start' ? await started(words, io) : words.isDone ? {} : { name: words.next('a name') };
  words.done();
  const answer = await caller.call(`traffic/${operation}`, body);
  const traffic = (Array.isArray(answer) ? answer : [answer]) as Shown[];
  if (io.flags.json) io.json('jitnic.traffic/1', { operation, traffic });
  else for (const source of traffic) io.out(sourceText(source));
  return exitCodes.ok;
}

/** Words behind `start`, in any order after the name, as a body. */
async function started(words: Words, io: Io): Promise<Readonly<Record<string, unknown>>> {
  const body: Record<string, unknown> = { name: words.next('a name') };
  while (!words.isDone) {
    if (words.take('file')) body['capture'] = encodeBase64(await readInput(words.next('a capture'), io));
    else if (words.take('dev')) body['dev'] = words.next('a network device');
    else if (words.take('rate')) body['rate'] = words.take('max') ? 0 : words.number('rate');
    else if (words.take('loops')) body['loops'] = words.number('loops');
    else words.done();
  }
  for (const word of ['file', 'dev']) {
    if (body[word === 'file' ? 'capture' : word] === undefined) throw new UsageError(`\`${word}\` is missing`);
  }
  return body;
}

/** A line a source, and one a place that decided. */
function sourceText({ name, dev, state, why, sent, packets, loops, decided, stack }: Shown): string {
  const total = loops === 0 ? '' : ` of ${loops * packets}`;
  const lines = [
    `${name}: dev ${dev}  ${state}  ${count(sent, 'packet')}${total} arrived  ${stack} to the stack${why === undefined ? '' : `  (${why})`}`,
  ];
  for (const [mode, counts] of Object.entries(decided)) {
    const words = Object.entries(counts).filter(([, n]) => n > 0);
    lines.push(`\t${mode}: ${words.map(([verdict, n]) => `${n} ${verdict}`).join('  ')}`);
  }
  return `${lines.join('\n')}\n`;
}

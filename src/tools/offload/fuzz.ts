/**
 * Everything that a client may send, and everything that may stand in a log: requests are made up and mangled, logs
 * cut and changed. No request may end in anything but an answer; a refused one may change nothing; and what the log of
 * changes gives back is the state at the end.
 */
import { Buffer } from 'node:buffer';
import { type Change, OffloadKernel, Records } from '../../offload/index.js';
import { entryOf, handle, logHeader, readLog } from '../../server/index.js';
import { stateText } from './crash.js';
import { anyOperation, anyWithTraffic, generator } from './operations.js';

/** What came of it. */
export interface FuzzReport {
  readonly requests: number;
  readonly accepted: number;
  readonly refused: number;
  readonly malformed: number;
  readonly fault: string | undefined;
}

/** Sends so many requests to a kernel in this process, and packets to its cards in between. */
export function fuzzRequests(requests: number, seed: number): FuzzReport {
  const random = generator(seed);
  const copy = new Records();
  let changes = 0;
  const kernel = new OffloadKernel(new Records(), (list) => {
    changes++;
    // As a log would have it: through JSON.
    copy.apply(JSON.parse(JSON.stringify(list)) as Change[]);
  });
  const count = { accepted: 0, refused: 0, malformed: 0 };
  for (let i = 0; i < requests; i++) {
    const { name, body } = anyWithTraffic(random);
    const text = random() < 0.5 ? JSON.stringify(body) : mangled(JSON.stringify(body), random);
    const called = random() < 0.9 ? name : mangled(name, random);
    const before = changes;
    const { status, bug } = handle(kernel, called, text, 0);
    if (bug !== undefined) {
      const what = bug instanceof Error ? bug.stack : String(bug);
      return {
        requests: i + 1,
        ...count,
        fault: `request ${i} of seed ${seed}: ${called} ${text.slice(0, 200)}: ${what}`,
      };
    }
    if (status === 200) count.accepted++;
    else if (status === 422) count.refused++;
    else count.malformed++;
    // What a refused load found out of maps may stay; nothing else.
    if (status !== 200 && changes !== before && called !== 'prog/load')
      return { requests: i + 1, ...count, fault: `request ${i} of seed ${seed}: refused, and something changed` };
    // Packets arrive between requests, whatever is attached by now.
    if (i % 20 === 0) for (const source of kernel.model.names('traffic')) kernel.sendTraffic(source, 7, () => 0n);
    if (i % 10_000 === 0 && stateText(copy) !== stateText(kernel.model.records))
      return { requests: i + 1, ...count, fault: `after request ${i} of seed ${seed}: the log gives another state` };
  }
  const isSame = stateText(copy) === stateText(kernel.model.records);
  return { requests, ...count, fault: isSame ? undefined : `seed ${seed}: the log gives another state` };
}

/** A text with some of it changed, doubled, cut or put in. */
function mangled(text: string, random: () => number): string {
  let result = text;
  for (let i = 0; i <= random() * 3; i++) {
    const at = Math.floor(random() * (result.length + 1));
    const length = Math.floor(random() * 8);
    const piece = random() < 0.3 ? odd[Math.floor(random() * odd.length)] : result.slice(at, at + length).repeat(2);
    result = result.slice(0, at) + (piece ?? '') + result.slice(at + length);
  }
  return result;
}

/** Texts on which parsers stumble: halves of surrogates, numbers past 32 bits or no integers, names of prototypes. */
const odd = [
  'null',
  '-1',
  '1e99',
  '"',
  '{}',
  '[]',
  '\u0000',
  '\\ud800',
  '__proto__',
  '4294967296',
  '0.5',
  'true',
  '\uffff',
];

/** Cuts and changes a log so many times: what is read has to be a whole prefix of what was written. */
export function fuzzLogs(times: number, seed: number): { readonly logs: number; readonly fault: string | undefined } {
  const random = generator(seed);
  const entries: Uint8Array[] = [logHeader];
  const states = [''];
  const kernel = new OffloadKernel(new Records(), (changes) => {
    entries.push(entryOf(changes));
  });
  while (entries.length < 60) {
    const { name, body } = anyOperation(random);
    const before = entries.length;
    handle(kernel, name, JSON.stringify(body), 0);
    if (entries.length > before) states.push(stateText(kernel.model.records));
  }
  const whole = Buffer.concat(entries);
  const known = new Set(states);
  for (let i = 0; i < times; i++) {
    const bytes = Uint8Array.from(
      whole.subarray(0, random() < 0.5 ? whole.length : Math.floor(random() * whole.length)),
    );
    if (random() < 0.7)
      for (let k = 0; k <= random() * 4; k++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    try {
      const state = stateText(readLog(bytes, 'log').records);
      if (!known.has(state)) return { logs: i + 1, fault: `log ${i} of seed ${seed}: a state that never was` };
    } catch (error) {
      // A header that is none: said, and nothing is read.
      if ((error as { code?: unknown }).code !== 'bad-input')
        return { logs: i + 1, fault: `log ${i} of seed ${seed}: ${String(error)}` };
    }
  }
  return { logs: times, fault: undefined };
}

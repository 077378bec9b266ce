/**
 * The same three ways over the traces of real programs, with their own traffic: the 64 traces that decide most
 * packets, their rules as `jitnic trace --rules` has them. The tree does more than match: it evaluates what rows
 * cannot say (state, computed values) and runs the bodies; a table's answer is only the first row whose bits fit.
 * *Right by bits*: packets for which that row is one of the trace that takes them; for the others a switch would have
 * to go on, with state evaluated.
 */
import { InternalError } from '../../base/index.js';
import { type RowBits, rowCells, ruleTable } from '../../condition/index.js';
import { Runtime } from '../../runtime/index.js';
import { formatTable } from '../../text/index.js';
import { columnsOf } from '../../vm/index.js';
import { loadMaps } from '../../vm/map-json.js';
import { makeMatchers, type Row } from './matchers.js';
import { mediansOf } from './matching.js';
import type { RecordingSubject } from './recording.js';

// As many as the table of Program Warping's prototype has entries.
const traces = 64;
const rounds = 40;
/** Milliseconds that V8 gets to optimize. */
const settle = 1000;
/** What the table knows of a packet besides its bytes stands in front of them: length, metadata, the context. */
const front = 32;
const stride = 512;

/**
 * A rule's row over what the table sees: words in front of the packet for length, metadata length and context, then
 * the packet's bytes.
 */
function rowOf(bits: RowBits): Row {
  const words = new Map<number, { mask: number; value: number }>();
  const put = (byte: number, mask: number, value: number): void => {
    const at = byte & ~3;
    const shift = 8 * (byte & 3);
    const word = words.get(at) ?? { mask: 0, value: 0 };
    words.set(at, { mask: word.mask | (mask << shift), value: word.value | (value << shift) });
  };
  for (const { column, mask, value } of rowCells(bits)) {
    if (column.kind === 'packet') put(front + column.offset, mask, value);
    else if (column.kind === 'len') put(0, mask, value);
    else if (column.kind === 'metalen') put(4, mask, value);
    else if (column.kind === 'ctx') put(8 + column.offset, mask, value);
  }
  return [...words].map(([offset, { mask, value }]) => ({ offset, mask: mask >>> 0, value: value >>> 0 }));
}

/** One program's row. Traces are recorded with LFU, so that those which decide most packets stay. */
function measureRules({ name, object, program, maps, packets }: RecordingSubject): (string | number)[] {
  const runtime = new Runtime(object, program, {
    cacheSize: traces,
    policy: 'lfu',
    keepConditions: false,
    patience: Number.POSITIVE_INFINITY,
  });
  const { machine, card, arena } = runtime;
  if (maps !== undefined) loadMaps(machine, maps);
  if (card === undefined) throw new InternalError('trace-bench', 'no card');
  for (const { data, time } of packets) runtime.run({ data, now: time });
  card.compile();
  const installed = runtime.traces.filter(({ trace }) => trace !== undefined);
  // Packets that hit as they come one after another, from the state that the maps are in now.
  let chosen = packets.filter(({ data }) => data.length <= stride - front).slice(0, arena.capacity);
  const { u8 } = machine.memory;
  const start = u8.slice();
  let filled = start;
  const hitsOf = (): number => {
    u8.set(start);
    arena.clear();
    arena.load(Uint8Array.from(chosen.flatMap(({ data }) => [...data])));
    const added = arena.add(columnsOf(chosen.map(({ data }) => data.length)), 0, chosen.length, 0);
    if (added < chosen.length) chosen = chosen.slice(0, added);
    filled = u8.slice();
    return card.runRecords(arena, 0, chosen.length);
  };
  // A batch ends at the first packet that no trace takes; without it the next one is tried, until all hit.
  for (let hits = hitsOf(); hits < chosen.length; hits = hitsOf()) chosen.splice(hits, 1);
  const takers = chosen.map((_, i) => arena.trace(i));
  const facts = installed.map(({ trace }) => trace?.facts).filter((one) => one !== undefined);
  const rules = ruleTable(facts);
  const matchers = makeMatchers(
    rules.map(({ bits }) => rowOf(bits)),
    true,
  );
  for (const [i, { data }] of chosen.entries()) {
    const at = matchers.packets + i * stride;
    matchers.bytes.fill(0, at, at + stride);
    new DataView(matchers.bytes.buffer).setUint32(at, data.length, true);
    matchers.bytes.set(data, at + front);
  }
  const right = takers.filter((taker, i) => {
    const first = matchers.scan(matchers.packets + i * stride, 1, stride);
    return first > 0 && installed[rules[first - 1]?.owner ?? -1]?.id === taker;
  }).length;
  const count = chosen.length;
  const ways = [
    () => card.runRecords(arena, 0, count),
    () => matchers.tuples(matchers.packets, count, stride),
    () => matchers.scan(matchers.packets, count, stride),
  ];
  const restore = (): void => u8.set(filled);
  if (ways[1]?.() !== ways[2]?.()) throw new InternalError('trace-bench', 'the matchers disagree');
  const begin = performance.now();
  while (performance.now() - begin < settle) {
    restore();
    for (const way of ways) way();
  }
  const [tree = 0, tuples = 0, scan = 0] = mediansOf(ways, count, rounds, restore);
  // The packets of a program may all take traces that state has made invalid.
  const figures =
    count === 0
      ? ['-', '-', '-', '-']
      : [`${((100 * right) / count).toFixed(0)} %`, ...[tree, tuples, scan].map((ns) => ns.toFixed(1))];
  return [name, installed.length, count, rules.length, matchers.masks, ...figures];
}

/** Nanoseconds a packet by program, as a table of text. */
export function ruleMatchingTable(subjects: readonly RecordingSubject[]): string {
  const titles = [
    'traces',
    'packets',
    'rules',
    'masks',
    'right by bits',
    'tree and body ns',
    'tuple space ns',
    'scan ns',
  ];
  return formatTable(
    [{ title: 'program' }, ...titles.map((title) => ({ title, align: 'right' as const }))],
    subjects.map(measureRules),
  );
}

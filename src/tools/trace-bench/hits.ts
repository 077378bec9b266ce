/**
 * What the card wins on a hit, and what it costs where there is nothing to win: card and host together against the
 * host alone, the whole program compiled in both.
 *
 * *Same flow*: copies of the packet that the most popular trace of the example's capture took last, a microsecond
 * apart. *No locality*: every packet is of another flow, addresses, ports, protocol and length drawn anew. In both the
 * card may rest where it does not pay. *Capture* is that of the example, again and again, by a card that never rests:
 * what hits cost that are spread over many traces. Both sides get the same packets in the same batches, in turns;
 * packets are put into guest memory before each turn, outside of the time. Times are nanoseconds a packet, medians,
 * after a warm-up in which traces are recorded and compiled and V8 has optimized the code: so many rounds of the
 * packets, and processor time without new code, so a machine that does something else too measures no colder card.
 * Each example is measured in a process of its own, as it would run: what V8 has learnt from other programs makes the
 * same code slower.
 */
import { UsageError } from '../../base/index.js';
import { batchSize, type Load, loadOf, runLoad, setTimes } from '../../cli/bench-capture.js';
import { wallTime } from '../../judge/speed/index.js';
import { generateTraffic } from '../../packet/index.js';
import { type Arrival, Runtime, type TraceRecord } from '../../runtime/index.js';
import { formatTable } from '../../text/index.js';
import { loadMaps } from '../../vm/map-json.js';
import type { RecordingSubject } from './recording.js';

/**
 * Milliseconds of processor time that V8 gets to optimize what was compiled last; new code is waited for no longer
 * than `patience`, but for {@link warmRounds} of the packets.
 */
const settle = 2500;
const patience = 8000;
/** Rounds of the packets before anything is measured: what a program has to learn of them, it learns in these. */
const warmRounds = 24;
/** What came new is compiled after so many batches. */
const compileEvery = 4;
/** Milliseconds that are measured. */
const span = 1500;
const micro = 1000n;

/** What the card is to win: in the mean where one trace takes all packets, in the mean and at least on captures. */
const wanted = { same: 1.55, capture: 1.25, worstCapture: 1 } as const;

/** One of the two that are compared: host alone, or card and host. */
interface Side {
  readonly runtime: Runtime;
  readonly samples: number[];
}

/** Nanoseconds a packet of both sides. */
interface Outcome {
  readonly host: number;
  readonly card: number;
  /** Share of the packets that the card decided while it was measured. */
  readonly hits: number;
  /** The card found that it does not pay and left most packets to the host. */
  readonly bypassed: boolean;
}

/** One program's figures: all packets of one flow, none that hits, and its own capture. */
export interface Hits {
  readonly name: string;
  readonly same: Outcome;
  readonly none: Outcome;
  readonly capture: Outcome;
}

function runtimeOf(subject: RecordingSubject, options: { readonly card: boolean; readonly bypass: boolean }): Runtime {
  const more = { host: 'wasm', keepConditions: false, limits: { joins: subject.joins } } as const;
  const runtime = new Runtime(subject.object, subject.program, { ...options, ...more });
  if (subject.maps !== undefined) loadMaps(runtime.machine, subject.maps);
  return runtime;
}

/** Host alone, and card with host, each with its own maps. */
function newSides(subject: RecordingSubject, bypass: boolean): readonly [Side, Side] {
  const side = (card: boolean): Side => ({ runtime: runtimeOf(subject, { card, bypass }), samples: [] });
  return [side(false), side(true)];
}

/** Batches of the packets, again and again. */
function loadsOf(packets: readonly Arrival[]): Load[] {
  return Array.from({ length: Math.ceil(packets.length / batchSize) }, (_, load) =>
    loadOf(Array.from({ length: batchSize }, (_, i) => packets[(load * batchSize + i) % packets.length] as Arrival)),
  );
}

/**
 * Warms both sides up and measures them in turns, batch by batch. It is warm when no new code was compiled for
 * `settle`.
 */
function measure(sides: readonly [Side, Side], packets: readonly Arrival[], start: bigint): Outcome {
  const [host, card] = sides;
  const loads = loadsOf(packets);
  let clock = start;
  let next = 0;
  const turn = (): void => {
    const load = loads[next] as Load;
    next = (next + 1) % loads.length;
    // Time goes on over batches: programs that limit rates would else see every packet at once.
    clock = setTimes(load, clock);
    for (const { runtime, samples } of sides) samples.push(runLoad(runtime, load, wallTime) / batchSize);
  };
  const begin = processorTime();
  let compiled = begin;
  let compilations = -1;
  for (let turns = 1; turns <= warmRounds * loads.length || processorTime() - compiled < settle; turns++) {
    turn();
    // What new traces are there is compiled soon: the figures are those of a run that goes on for long.
    if (turns % compileEvery === 0 && card.runtime.card?.hasOutside === true) card.runtime.card.compile();
    const now = processorTime();
    const isWaiting = turns <= warmRounds * loads.length || now - begin < patience;
    if (card.runtime.card?.compilations !== compilations && isWaiting) compiled = now;
    compilations = card.runtime.card?.compilations ?? 0;
  }
  // Counters go on; only what the span adds is told.
  const before = { packets: card.runtime.packets, hits: card.runtime.hits, bypassed: card.runtime.bypassed };
  for (const side of sides) side.samples.length = 0;
  for (const from = performance.now(); performance.now() - from < span; ) turn();
  const ran = card.runtime.packets - before.packets;
  return {
    host: median(host.samples),
    card: median(card.samples),
    hits: (card.runtime.hits - before.hits) / ran,
    bypassed: card.runtime.bypassed - before.bypassed > ran / 2,
  };
}

/**
 * The capture on both sides. Returns the last packet of the trace that is the most popular one on a card that does not
 * rest.
 */
function playCapture(subject: RecordingSubject, sides: readonly Side[]): Arrival | undefined {
  const last = new Map<TraceRecord, { packet: Arrival; count: number }>();
  const probe = runtimeOf(subject, { card: true, bypass: false });
  for (const packet of subject.packets) {
    const input = { data: packet.data, now: packet.time };
    for (const { runtime } of sides) runtime.run(input);
    const { hit } = probe.run(input);
    if (hit !== undefined) last.set(hit, { packet, count: (last.get(hit)?.count ?? 0) + 1 });
  }
  return [...last.values()].sort((a, b) => b.count - a.count)[0]?.packet;
}

/** Packets of as many flows. */
function strangers(count: number): Arrival[] {
  const traffic = generateTraffic({ seed: 11, packets: count, flows: count, popularity: 'uniform' });
  return Array.from(traffic, (packet) => ({ data: packet.data.slice(), time: packet.time }));
}

/** Throws UsageError where there is no packet. */
export function measureHits(subject: RecordingSubject): Hits {
  const sides = newSides(subject, true);
  const packet = playCapture(subject, sides) ?? subject.packets[0];
  if (packet === undefined) throw new UsageError(`${subject.name} has no packets`);
  const time = (subject.packets.at(-1)?.time ?? 0n) + micro;
  const same = measure(sides, [packet], time);
  const none = measure(newSides(subject, true), strangers(4096), time);
  const capture = measure(newSides(subject, false), subject.packets, time);
  return { name: subject.name, same, none, capture };
}

/** The figures as a table of text. */
export function hitsTable(measured: readonly Hits[]): string {
  const rows = measured.map(({ name, same, none, capture }) => [
    name,
    ...cells(same),
    ...cells(none),
    ...cells(capture),
  ]);
  const right = (title: string): { readonly title: string; readonly align: 'right' } => ({ title, align: 'right' });
  const group = (name: string) => [`${name}: program ns`, 'card ns', 'ratio', 'hits'].map((title) => right(title));
  const table = formatTable(
    [{ title: 'hits' }, ...group('same flow'), ...group('no locality'), ...group('capture')],
    rows,
  );
  const same = measured.map((row) => row.same.host / row.same.card);
  const none = measured.map((row) => row.none.host / row.none.card);
  const capture = measured.map((row) => row.capture.host / row.capture.card);
  const reached = [
    { what: 'same flow, geometric mean', measured: geometricMean(same), wanted: wanted.same },
    { what: 'capture, geometric mean', measured: geometricMean(capture), wanted: wanted.capture },
    ...measured.map(({ name }, i) => ({
      what: `capture, ${name}`,
      measured: capture[i] as number,
      wanted: wanted.worstCapture,
    })),
  ];
  const rowsOf = reached.map(({ what, measured: value, wanted: least }) => [
    what,
    value.toFixed(2),
    least.toFixed(2),
    value >= least ? 'yes' : 'no',
  ]);
  const goals = formatTable(
    [{ title: 'card and host against the program' }, right('ratio'), right('wanted'), { title: 'reached' }],
    rowsOf,
  );
  const passed = reached.filter(({ measured: value, wanted: least }) => value >= least).length;
  const locality = `no locality, geometric mean ${geometricMean(none).toFixed(2)}, worst ${Math.min(...none).toFixed(2)}`;
  return `${table}\n${locality}\n\n${goals}\n${passed} passed, ${reached.length - passed} failed\n`;
}

/** Host, card, what the card wins, and how many packets it decided. */
function cells({ host, card, hits, bypassed }: Outcome): string[] {
  const share = bypassed ? 'left alone' : `${(100 * hits).toFixed(1)} %`;
  return [host.toFixed(1), card.toFixed(1), (host / card).toFixed(2), share];
}

/** Milliseconds that this process has taken so far, with all of its threads. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

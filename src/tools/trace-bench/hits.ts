/**
 * What the card wins on a hit, and what it costs where there is nothing to win: card and host together against the host alone, the whole program compiled in both.
 *
 * *Same flow*: copies of the packet that the most popular trace of the example's capture took last, a microsecond apart. *No locality*: every packet is of another
 * flow, addresses, ports, protocol and length drawn anew. Both sides get the same packets in the same batches, in turns, packets are put back between
 * runs, outside of the time. Times are nanoseconds a packet, medians, after a warm-up in which traces are recorded and compiled and V8 has optimized the code.
 */
import { formatTable } from '../../cli/output.js';
import { generateTraffic } from '../../packet/index.js';
import { type Arrival, Runtime, type TraceRecord } from '../../runtime/index.js';
import { columnsOf } from '../../vm/index.js';
import { loadMaps } from '../../vm/map-json.js';
import type { RecordingSubject } from './recording.js';

const batch = 256;
const warmUp = 60_000;
/** Milliseconds that V8 gets to optimize what was compiled last; new code is waited for no longer than `patience`. */
const settle = 2000;
const patience = 6000;
const turns = 300;
const micro = 1000n;

interface Side {
  readonly runtime: Runtime;
  readonly samples: number[];
}

interface Outcome {
  readonly host: number;
  readonly card: number;
  /** Share of the packets that the card decided while it was measured. */
  readonly hits: number;
  readonly bypassed: boolean;
}

function newSides(subject: RecordingSubject): Side[] {
  return [false, true].map((card) => {
    const options = { card, host: 'wasm', bypass: true, verified: () => true, keepConditions: false } as const;
    const runtime = new Runtime(subject.object, subject.program, options);
    if (subject.maps !== undefined) loadMaps(runtime.machine, subject.maps);
    return { runtime, samples: [] };
  });
}

/** Runs the packets from `from` on (around the end) in one batch; returns nanoseconds a packet. */
function runBatch({ runtime }: Side, packets: readonly Arrival[], from: number, clock: bigint): number {
  const { arena } = runtime;
  const chosen = Array.from({ length: batch }, (_, i) => packets[(from + i) % packets.length] as Arrival);
  const bytes = new Uint8Array(chosen.reduce((sum, { data }) => sum + data.length, 0));
  arena.clear();
  let at = 0;
  for (const { data } of chosen) {
    bytes.set(data, at);
    at += data.length;
  }
  arena.load(bytes);
  const lengths = chosen.map(({ data }) => data.length);
  arena.add(columnsOf(lengths, { now: clock + micro, step: micro }), 0, batch, 0);
  const { count } = arena;
  const start = process.hrtime.bigint();
  runtime.runArena();
  return Number(process.hrtime.bigint() - start) / count;
}

function measure(sides: readonly Side[], packets: readonly Arrival[], start: bigint): Outcome {
  let clock = start;
  let from = 0;
  const turn = (keep: boolean): void => {
    for (const side of sides) {
      const time = runBatch(side, packets, from, clock);
      if (keep) side.samples.push(time);
    }
    clock += BigInt(batch) * micro;
    from = (from + batch) % packets.length;
  };
  const [host, card] = sides as [Side, Side];
  const start0 = performance.now();
  let compiled = start0;
  let compilations = -1;
  for (let ran = 0; ran < warmUp || performance.now() - compiled < settle; ran += batch) {
    turn(false);
    // What new traces are there is compiled right away: the figures are those of a run that goes on for long.
    if (card.runtime.card?.hasOutside === true) card.runtime.card.compile();
    const now = performance.now();
    if (card.runtime.card?.compilations !== compilations && now - start0 < patience) compiled = now;
    compilations = card.runtime.card?.compilations ?? 0;
  }
  const before = { packets: card.runtime.packets, hits: card.runtime.hits, bypassed: card.runtime.bypassed };
  for (const side of sides) side.samples.length = 0;
  for (let i = 0; i < turns; i++) turn(true);
  const ran = card.runtime.packets - before.packets;
  return {
    host: median(host.samples),
    card: median(card.samples),
    hits: (card.runtime.hits - before.hits) / ran,
    bypassed: card.runtime.bypassed - before.bypassed > ran / 2,
  };
}

/** The capture on both sides; returns the last packet of the most popular trace, and the time after it. */
function playCapture(sides: readonly Side[], packets: readonly Arrival[]): Arrival | undefined {
  const last = new Map<TraceRecord, { packet: Arrival; count: number }>();
  for (const packet of packets) {
    for (const { runtime } of sides) {
      const { hit } = runtime.run({ data: packet.data, now: packet.time });
      if (hit !== undefined) last.set(hit, { packet, count: (last.get(hit)?.count ?? 0) + 1 });
    }
  }
  return [...last.values()].sort((a, b) => b.count - a.count)[0]?.packet;
}

/** Packets of as many flows. */
function strangers(count: number): Arrival[] {
  const traffic = generateTraffic({ seed: 11, packets: count, flows: count, popularity: 'uniform' });
  return Array.from(traffic, (packet) => ({ data: packet.data.slice(), time: packet.time }));
}

export function hitsTable(subjects: readonly RecordingSubject[]): string {
  const ratios: { same: number[]; none: number[] } = { same: [], none: [] };
  const rows = subjects.map((subject) => {
    const sides = newSides(subject);
    const packet = playCapture(sides, subject.packets) ?? subject.packets[0];
    if (packet === undefined) return [subject.name];
    const time = (subject.packets.at(-1)?.time ?? 0n) + micro;
    const same = measure(sides, [packet], time);
    const none = measure(newSides(subject), strangers(4096), time);
    ratios.same.push(same.host / same.card);
    ratios.none.push(none.host / none.card);
    return [subject.name, ...cells(same), ...cells(none)];
  });
  const right = (title: string): { readonly title: string; readonly align: 'right' } => ({ title, align: 'right' });
  const group = (name: string) => [`${name}: program ns`, 'card ns', 'ratio', 'hits'].map((title) => right(title));
  const table = formatTable([{ title: 'hits' }, ...group('same flow'), ...group('no locality')], rows);
  const best = geometricMean(ratios.same).toFixed(2);
  const worst = Math.min(...ratios.none).toFixed(2);
  return `${table}\ngeometric mean at the same flow: ${best}; at no locality ${geometricMean(ratios.none).toFixed(2)}, worst ${worst}`;
}

function cells({ host, card, hits, bypassed }: Outcome): string[] {
  const share = bypassed ? 'left alone' : `${(100 * hits).toFixed(1)} %`;
  return [host.toFixed(1), card.toFixed(1), (host / card).toFixed(2), share];
}

function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { type CardDescription, readCard, shippedCard } from '../nic/index.js';
import { assemble, type ObjectSpec, type ProgramSpec } from '../object/index.js';
import { generateTraffic } from '../packet/index.js';
import { Session, type SessionOptions } from '../runtime/index.js';
import { parseRate } from './arrivals.js';
import { cardModel } from './card-model.js';
import { parseHostCost } from './host-costs.js';
import { type TimedReport, timedReport } from './timed-report.js';
import { type TimedOptions, TimedRun } from './timed-run.js';

/** A shipped card with some numbers changed. */
function card(name: string, changes: Readonly<Record<string, number | string>> = {}): CardDescription {
  const found = shippedCard(name);
  if (found === undefined) throw new Error(`no card ${name}`);
  const tree: Record<string, Record<string, unknown>> = {};
  for (const [path, value] of Object.entries(changes)) {
    const [group = '', field = ''] = path.split('.');
    const unit = found.parameters.get(path)?.unit ?? '';
    tree[group] ??= {};
    tree[group][field] = { value, ...(unit === '' ? {} : { unit }), basis: 'assumed', source: 'a test' };
  }
  return readCard({ name: 'changed', like: name, parameters: tree }, shippedCard);
}

interface World extends Partial<Omit<TimedOptions, 'rate' | 'hostCost'>> {
  readonly rate?: string;
  readonly hostCost?: string;
}

function timed(
  object: ObjectSpec,
  program: ProgramSpec,
  on: CardDescription,
  { rate = 'capture', hostCost = 'kernel', ...world }: World = {},
  options: SessionOptions = {},
): TimedRun & { readonly of: Session } {
  const model = cardModel(on, program);
  const session = new Session(object, program, { keepConditions: false, ...model.session, ...options });
  const run = new TimedRun(session, on, model, {
    hostCores: 2,
    hostQueue: 64,
    seed: 1n,
    ...world,
    rate: parseRate(rate),
    hostCost: parseHostCost(hostCost),
  });
  return Object.assign(run, { of: session });
}

function program(text: string): readonly [ObjectSpec, ProgramSpec] {
  const object = assemble(`.section xdp\n.globl f\nf:\n${text}\n`);
  return [object, object.programs[0] as ProgramSpec];
}

const short = new Uint8Array(60);
const lostOf = ({ lost }: TimedReport): number => Object.values(lost).reduce((sum, n) => sum + n, 0);

/** Counts packets by nothing at all: each reads and writes the same element; the first byte says the verdict. */
const counterText = `.map counts type=array key=4 value=8 max_entries=4
  .section xdp
  .globl f
  f:
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  r2 = r6
  r2 += 14
  if r2 > r7 goto out
  r8 = *(u8 *)(r6 + 0)
  *(u32 *)(r10 - 4) = 0
  r1 = counts ll
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto out
  r1 = *(u64 *)(r0 + 0)
  r1 += 1
  *(u64 *)(r0 + 0) = r1
  r0 = 1
  if r8 == 0 goto out
  r0 = 2
  out:
  exit`;

describe.each(['token-bucket', 'nat', 'firewall'])('%s on the pipelined card', (name) => {
  const { object, main, maps } = openExample(name);
  const packets = [...generateTraffic({ seed: 8, packets: 200, flows: 12 })];
  const go = (rate: string, seed = 1n): TimedRun & { readonly of: Session } => {
    const run = timed(
      object,
      main,
      card('pipeline', { 'mac.queue': 32, 'link.queue': 16 }),
      { rate, seed },
      { maps, check: true },
    );
    for (const { data, time } of packets) run.packet(data, time);
    run.finish();
    run.of.finish();
    return run;
  };
  const done = new Map<string, ReturnType<typeof go>>();
  /** The run at this rate, which was made once. */
  const at = (rate: string): ReturnType<typeof go> => {
    const run = done.get(rate) ?? go(rate);
    done.set(rate, run);
    return run;
  };

  it('decides what arrives as the interpreter does, whatever is lost on the way', () => {
    for (const rate of ['20kpps', '148Mpps']) {
      const run = at(rate);
      expect(run.of.difference).toBeUndefined();
      expect(run.counts.hits + run.counts.misses).toBe(run.of.runtime.packets);
    }
  });

  it('loses no packet without saying where, and has each of the others once', () => {
    for (const rate of ['20kpps', '3Mpps', '148Mpps']) {
      const report = timedReport(at(rate));
      expect(report.offered.packets).toBe(packets.length);
      expect(report.achieved.packets + lostOf(report)).toBe(packets.length);
      expect(report.latency.hit.packets + report.latency.miss.packets).toBe(report.achieved.packets);
      const sums = report.timeline.reduce((sum, { offered, lost }) => [sum[0] + offered, sum[1] + lost] as const, [
        0, 0,
      ] as readonly [number, number]);
      expect(sums).toEqual([packets.length, lostOf(report)]);
      if (rate === '148Mpps') expect(lostOf(report)).toBeGreaterThan(packets.length / 3);
      if (rate === '20kpps') expect(lostOf(report)).toBe(0);
    }
  });

  it('takes the same times each time, and others only where they are drawn anew', () => {
    const report = timedReport(at('3Mpps'));
    expect(timedReport(go('3Mpps'))).toEqual(report);
    expect(timedReport(go('3Mpps', 2n)).latency).not.toEqual(report.latency);
  });
});

describe('a miss', () => {
  it('makes no hits before its trace has travelled: recorder, link, table', () => {
    const [object, main] = program('r0 = 1\nexit');
    const on = card('pipeline', { 'costs.install': 30_000 });
    const run = timed(object, main, on, { rate: '1Mpps' });
    const hits: number[] = [];
    for (let i = 0; i < 200; i++) {
      const before = run.counts.hits;
      run.packet(short, 0n);
      hits.push(run.counts.hits - before);
    }
    const first = hits.indexOf(1);
    // At 1 Mpps a microsecond is a packet; 2 instructions and their values take some 6 us, the table 30.
    expect(first).toBeGreaterThan(33);
    expect(first).toBeLessThan(45);
    expect(hits.slice(first)).toEqual(new Array(200 - first).fill(1));
    expect(run.of.runtime.installs).toBe(1);
    const { latency, repeated } = timedReport(run.finish());
    // The link, there and the core: microseconds; the card alone: 12 cycles in front and 128 stages.
    expect(latency.miss.p50).toBeGreaterThan(300);
    expect(latency.hit.p50).toBeCloseTo(4 * (12 + 128), -1);
    // The same path, again, while the recorder had time for it.
    expect(repeated).toBeGreaterThan(0);
  });

  it('keeps a packet waiting that uses the map that it writes, unless something else orders them', () => {
    const object = assemble(counterText);
    const stalls = (order: string): TimedReport => {
      const on = card('pipeline', { 'hazards.slow_path': order });
      const run = timed(object, object.programs[0] as ProgramSpec, on, { rate: '20Mpps', hostCost: '5000ns' });
      for (let i = 0; i < 2000; i++) run.packet(short, 0n);
      // Another path: a miss, and hits behind it.
      for (let i = 0; i < 20; i++) run.packet(i === 0 ? new Uint8Array(60).fill(1) : short, 0n);
      return timedReport(run.finish());
    };
    const stalled = stalls('stall');
    const ordered = stalls('ordered');
    const time = (report: TimedReport): number =>
      report.stalls.find(({ cause }) => cause === 'slow_path')?.nanoseconds ?? 0;
    expect(time(ordered)).toBe(0);
    expect(time(stalled)).toBeGreaterThan(5000);
    expect(stalled.latency.hit.max).toBeGreaterThan(5000);
    expect(ordered.latency.hit.max).toBeLessThan(1000);
  });
});

describe('capacity', () => {
  it('of a core is one packet in its cycles, and what comes beyond is lost in front of it', () => {
    const [object, main] = program('r0 = 1\nexit');
    const run = timed(object, main, card('hxdp', { 'mac.rate': 100 }), { rate: '100Mpps' });
    for (let i = 0; i < 15_000; i++) run.packet(short, 0n);
    const report = timedReport(run.finish());
    expect(report.achieved.packetsPerSecond / 1e6).toBeCloseTo(156.25 / 3, 0);
    expect(report.lost.card).toBe(lostOf(report));
    expect(report.lost.card).toBeGreaterThan(6000);
    expect(report.utilisation.find(({ unit }) => unit === 'card')?.share).toBeGreaterThan(0.99);
  });

  it('of a pipeline is a frame a cycle', () => {
    const [object, main] = program('r0 = 1\nexit');
    const run = timed(object, main, card('pipeline', { 'mac.rate': 1000 }), { rate: '100%' });
    const long = new Uint8Array(640);
    // One trace; what comes before it is in is not counted.
    for (let i = 0; i < 3000; i++) run.packet(long, 0n);
    const before = { busy: run.counts.cardBusy, hits: run.counts.hits };
    for (let i = 0; i < 1000; i++) run.packet(long, 0n);
    expect((run.counts.cardBusy - before.busy) / (run.counts.hits - before.hits)).toBeCloseTo(10 * 4000, 6);
  });

  it.each([
    ['atomic', 1, 1],
    ['forward', 3, 3],
    ['stall', 4, 4],
    // All stages that are emptied, and the reload.
    ['flush', 7, 7],
  ])('of a pipeline whose packets all count in one element is what the strategy %s leaves', (strategy, least, most) => {
    const object = assemble(counterText);
    const on = card('pipeline', { 'hazards.strategy': strategy, 'mac.rate': 400 });
    const run = timed(object, object.programs[0] as ProgramSpec, on, { rate: '250Mpps' });
    let cycles = 0;
    for (let i = 0; i < 20_000; i++) {
      const { hits, cardBusy } = { hits: run.counts.hits, cardBusy: run.counts.cardBusy };
      run.packet(short, 0n);
      if (run.counts.hits > hits && hits > 100) cycles += (run.counts.cardBusy - cardBusy) / 4000;
    }
    run.finish();
    const each = cycles / (run.counts.hits - 101);
    expect(each).toBeGreaterThanOrEqual(least);
    expect(each).toBeLessThanOrEqual(most);
    expect(run.counts.stalls.hazard > 0).toBe(strategy !== 'atomic');
  });

  it('keeps as many packets under way as arrive in the time that one takes (Little)', () => {
    const [object, main] = program('r0 = 3\nexit');
    const run = timed(object, main, card('hxdp', { 'mac.queue': 4096 }), { rate: 'poisson:15Mpps' });
    const moments: (readonly [number, number])[] = [];
    run.onDelivery = (arrived, done) => moments.push([arrived, done]);
    for (let i = 0; i < 60_000; i++) run.packet(short, 0n);
    const report = timedReport(run.finish());
    expect(lostOf(report)).toBe(0);
    // Counted at moments of an outsider's choice: came before, and is not through.
    const end = moments.at(-1)?.[0] ?? 0;
    const arrivals = moments.map(([arrived]) => arrived).sort((a, b) => a - b);
    const departures = moments.map(([, done]) => done).sort((a, b) => a - b);
    const upTo = (times: readonly number[], time: number): number => {
      let [low, high] = [0, times.length];
      while (low < high) {
        const mid = (low + high) >> 1;
        if ((times[mid] as number) <= time) low = mid + 1;
        else high = mid;
      }
      return low;
    };
    let inside = 0;
    const looks = 20_000;
    for (let i = 0; i < looks; i++) {
      const time = (end * (i + 0.37)) / looks;
      inside += upTo(arrivals, time) - upTo(departures, time);
    }
    const expected = (report.offered.packetsPerSecond * report.latency.hit.mean) / 1e9;
    expect(Math.abs(inside / looks / expected - 1)).toBeLessThan(0.02);
  });

  it('is refused to programs that do not fit, with the reason', () => {
    const { main } = openExample('nat');
    expect(() => cardModel(card('hxdp'), main)).toThrow(/`\w+` does not fit `changed`: /);
    expect(() => cardModel(card('nfp4000'), main)).toThrow('helpers do not call functions of the program');
  });
});

describe('a card of many cores', () => {
  const drop = 'r0 = 1\nexit';

  it('takes packets as fast as they are handed to threads, and sends them as fast as they are taken', () => {
    for (const [verdict, wanted] of [
      [1, 32.2],
      [3, 28.3],
    ]) {
      const run = timed(...program(`r0 = ${verdict}\nexit`), card('nfp4000'), { rate: '59Mpps' });
      for (let i = 0; i < 4000; i++) run.packet(short, 0n);
      const { achieved, lost } = timedReport(run.finish());
      expect(achieved.packetsPerSecond / 1e6 / (wanted ?? 1)).toBeGreaterThan(0.95);
      expect(achieved.packetsPerSecond / 1e6 / (wanted ?? 1)).toBeLessThan(1.05);
      expect(Object.values(lost).some((count) => count > 0)).toBe(true);
    }
  });

  it('hides waiting behind other threads, until all wait', () => {
    // Nothing but waits: a core's threads are what there is to take packets.
    const rates = [1, 4].map((threads) => {
      const one = card('nfp4000', { 'units.cores': 1, 'units.threads': threads, 'core.waits': 10_000 });
      const run = timed(...program(drop), one, { rate: '10Mpps' });
      for (let i = 0; i < 2000; i++) run.packet(short, 0n);
      return timedReport(run.finish()).achieved.packetsPerSecond;
    });
    expect((rates[1] ?? 0) / (rates[0] ?? 1)).toBeGreaterThan(3.5);
    expect((rates[1] ?? 0) / (rates[0] ?? 1)).toBeLessThan(4.5);
  });

  it('changes a map one packet after the other', () => {
    const text = `.map m type=hash key=4 value=8 max_entries=64
  .section xdp
  .globl f
  f:
  *(u32 *)(r10 - 4) = 7
  *(u64 *)(r10 - 16) = 1
  r1 = m ll
  r2 = r10
  r2 += -4
  r3 = r10
  r3 += -16
  r4 = 0
  call 2
  r0 = 1
  exit`;
    const object = assemble(text);
    const run = timed(object, object.programs[0] as ProgramSpec, card('nfp4000'), { rate: '30Mpps' });
    for (let i = 0; i < 2000; i++) run.packet(short, 0n);
    // Four accesses of 400 cycles at 800 MHz under the lock.
    const { achieved } = timedReport(run.finish());
    expect(achieved.packetsPerSecond / (800e6 / 1600)).toBeGreaterThan(0.9);
    expect(achieved.packetsPerSecond / (800e6 / 1600)).toBeLessThan(1.2);
  });

  it('moves maps near once it has counted, and does what it did', () => {
    const { object, main } = openExample('lpm-router');
    const packets = [...generateTraffic({ seed: 2, packets: 1500, flows: 40 })];
    const [far, near] = ['far', 'counted'].map((placement) => {
      const run = timed(object, main, card('nfp4000', { 'maps.placement': placement }), { rate: '32Mpps' });
      for (const { data, time } of packets) run.packet(data, time);
      return timedReport(run.finish());
    });
    expect(near?.latency.hit.p50 ?? 0).toBeLessThan(far?.latency.hit.p50 ?? 0);
  });
});

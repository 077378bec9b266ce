import { describe, expect, it } from 'vitest';
import { shippedCard } from '../nic/index.js';
import { Prng } from '../packet/index.js';
import { BoundedQueue } from './bounded-queue.js';
import { Histogram } from './histogram.js';
import { HostCores } from './host-cores.js';
import { Link, transactionsOf } from './link.js';

describe('a histogram', () => {
  it('has quantiles within 1.6 % above the true ones, and the greatest exactly', () => {
    const histogram = new Histogram();
    const random = new Prng(5);
    const all = Array.from({ length: 20_000 }, () => Math.floor(2 ** (40 * random.float())));
    for (const time of all) histogram.add(time);
    all.sort((a, b) => a - b);
    for (const share of [0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
      const truth = all[Math.max(0, Math.ceil(share * all.length) - 1)] as number;
      expect(histogram.quantile(share)).toBeGreaterThanOrEqual(truth);
      expect(histogram.quantile(share)).toBeLessThanOrEqual(truth * 1.016);
    }
    expect(histogram.max).toBe(all.at(-1));
    expect(histogram.mean).toBeCloseTo(all.reduce((sum, x) => sum + x, 0) / all.length, 3);
  });

  it('says 0 of nothing', () => expect([new Histogram().quantile(0.5), new Histogram().mean]).toEqual([0, 0]));
});

describe('a bounded queue', () => {
  it('has room again when the one that came so many before has left', () => {
    const queue = new BoundedQueue(2);
    queue.enter(0, 10);
    queue.enter(1, 20);
    expect([queue.hasRoom(9), queue.hasRoom(10)]).toEqual([false, true]);
    queue.enter(10, 30);
    expect([queue.hasRoom(19), queue.hasRoom(20)]).toEqual([false, true]);
    expect(queue.waited).toBe(10 + 19 + 20);
  });
});

describe('a core of the host', () => {
  it('keeps packets waiting as the M/D/1 queue does', () => {
    const service = 100_000;
    const random = new Prng(7);
    for (const load of [0.3, 0.6, 0.8]) {
      const cores = new HostCores(1, 1 << 16);
      let time = 0;
      const packets = 300_000;
      for (let i = 0; i < packets; i++) {
        time += (service / load) * random.exponential();
        if (cores.admits(0, time)) cores.run(0, time, service);
      }
      expect(cores.lost).toBe(0);
      // Pollaczek and Khinchine, service without variance.
      const wait = (load * service) / (2 * (1 - load));
      expect(Math.abs(cores.waited / packets / wait - 1)).toBeLessThan(0.04);
      expect(Math.abs((cores.busy[0] as number) / time - load)).toBeLessThan(0.01);
    }
  });

  it('loses what it cannot queue, and carries no more than one over its service time', () => {
    const cores = new HostCores(2, 3);
    let carried = 0;
    let last = 0;
    for (let i = 0; i < 1000; i++) {
      if (!cores.admits(0, 10 * i)) continue;
      carried++;
      last = cores.run(0, 10 * i, 40);
    }
    expect(carried + cores.lost).toBe(1000);
    expect(last).toBe(40 * carried);
    expect(cores.busy).toEqual([40 * carried, 0]);
    // Three that wait and the one that runs are still there when the last one comes.
    expect(last - 9990).toBeLessThanOrEqual(4 * 40);
  });
});

describe('the link', () => {
  const card = shippedCard('pipeline');
  if (card === undefined) throw new Error('no card');

  it('has the published median and p99.9 of half a way there and back, and never reorders', () => {
    const link = new Link(card, 1n);
    const times: number[] = [];
    let before = 0;
    for (let i = 0; i < 50_000; i++) {
      const sent = i * 10_000_000;
      const arrives = link.send(sent, 64);
      if (arrives < before) throw new Error(`transfer ${i} was overtaken`);
      before = arrives;
      times.push(arrives - sent);
    }
    times.sort((a, b) => a - b);
    const transfer = 1e6 / 55.96;
    const at = (share: number): number => (times[Math.floor(share * times.length)] as number) - transfer;
    expect(Math.abs(at(0.5) / 320_000 - 1)).toBeLessThan(0.01);
    expect(Math.abs(at(0.999) / 500_000 - 1)).toBeLessThan(0.05);
  });

  it('carries as many transfers of 64 and of 1,024 bytes a second as were measured', () => {
    for (const [bytes, rate] of [
      [64, 55.96],
      [1024, 6],
    ] as const) {
      const link = new Link(card, 1n);
      for (let i = 0; i < 10_000; i++) link.send(0, bytes);
      expect(Math.abs(10_000 / (link.busy / 1e6) / rate - 1)).toBeLessThan(0.001);
      expect(link.bytes).toBe(10_000 * bytes);
    }
    expect([1, 256, 257].map(transactionsOf)).toEqual([1, 1, 2]);
  });
});

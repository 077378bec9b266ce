import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readSubject } from '../../cli/check/subjects.js';
import { decodeCapture } from '../../packet/index.js';
import type { Arrival } from '../../runtime/index.js';
import { charts } from './charts.js';
import { measureProgram, type ProgramResult } from './measure.js';
import { evaluationPage } from './page.js';
import { cycleOf, ranked, recordPaths, tracesFor, worstOrder } from './paths.js';
import { conversationsOf, replay } from './replay.js';
import { quantile } from './summary.js';

const folder = fileURLToPath(new URL('../../../examples/ipv6-filter/', import.meta.url));
const subject = readSubject({ name: 'ipv6-filter.o', path: `${folder}ipv6-filter.o` });
if (subject === undefined) throw new Error('no example');
const [program] = subject.object.programs;
if (program === undefined) throw new Error('no program');
const own: Arrival[] = [...decodeCapture(readFileSync(`${folder}traffic.pcap`)).packets];
const options = { packets: 200, seed: 3, quick: true };
const measure = (): ProgramResult => measureProgram(subject, program, own, options);

describe('traces that decide a share of the packets', () => {
  it('are counted from the most frequent on', () => {
    expect(tracesFor([60, 30, 9, 1], 100, 0.9)).toBe(2);
    expect(tracesFor([60, 30, 9, 1], 100, 0.99)).toBe(3);
  });

  it('cannot be enough where packets are left over that no trace decides', () => {
    expect(tracesFor([60, 30], 100, 0.9)).toBe(2);
    expect(tracesFor([60, 30], 100, 0.91)).toBeUndefined();
  });

  it('have quantiles in which "not at all" counts as more than any number', () => {
    expect(quantile([3, undefined, 1, 2], 0.5)).toBe(2);
    expect(quantile([3, undefined, 1, 2], 1)).toBeUndefined();
  });
});

describe('orders of the same packets', () => {
  const { reference } = recordPaths(subject, program, own);
  const pathOf = new Map(own.map((packet, i) => [packet, reference.events[i]]));

  it('worst: no path comes twice before all others that are left have come once', () => {
    const order = worstOrder(own, reference).map((packet) => pathOf.get(packet));
    const first = order.slice(0, reference.paths);
    expect(new Set(first).size).toBe(reference.paths);
    expect(order).toHaveLength(own.length);
    expect([...order].sort()).toEqual([...pathOf.values()].sort());
  });

  it('cycle: the most frequent paths take turns', () => {
    const order = cycleOf(own, reference, 2, 6).map((packet) => pathOf.get(packet));
    expect(new Set(order.slice(0, 2)).size).toBe(2);
    expect(order).toEqual([...order.slice(0, 2), ...order.slice(0, 2), ...order.slice(0, 2)]);
    const counts = [...reference.counts()].sort((a, b) => b - a);
    expect(ranked(reference)).toEqual(counts);
  });
});

describe('replayed traffic', () => {
  const conversations = conversationsOf(own);

  it('keeps both directions of a conversation together, and all packets', () => {
    expect(conversations.flat()).toHaveLength(own.length);
    expect(conversations.length).toBeLessThan(own.length);
  });

  it('is made of the packets of the capture, the same for the same seed, and skewed as told', () => {
    const known = new Set(own.map(({ data }) => data));
    const make = (zipf: number, seed: number): Arrival[] =>
      replay(conversations, { flows: 50, popularity: { zipf } }, 500, seed);
    expect(make(1, 1)).toHaveLength(500);
    expect(make(1, 1).every(({ data }) => known.has(data))).toBe(true);
    expect(make(1, 1)).toEqual(make(1, 1));
    expect(make(1, 1)).not.toEqual(make(1, 2));
    const distinct = (zipf: number): number => new Set(make(zipf, 1).map(({ data }) => data)).size;
    expect(distinct(3)).toBeLessThan(distinct(0));
  });
});

describe('the evaluation of the IPv6 filter', () => {
  const result = measure();

  it('finds its three paths, and that two of them decide nine packets in ten', () => {
    const [real] = result.traffics;
    expect(real).toMatchObject({ traffic: 'own', packets: own.length, paths: 3, for90: 2 });
    expect(real?.coverage.at(-1)).toBe(1);
    expect(result.compile.best).toBe(3 / own.length);
    expect(result.insnsPerPacket.condition + result.insnsPerPacket.body).toBeLessThan(result.insnsPerPacket.whole);
  });

  it('finds no more paths by search, since there are none', () => {
    expect(result.search).toMatchObject({ known: 3, found: 3 });
    expect(result.search.tried).toBeLessThan(result.search.budget);
  });

  it('shows LRU thrash in a cycle one too long, and the attack that admission repels', () => {
    expect(result.cycle?.size).toBe(1);
    expect(result.cycle?.rates['lru']).toBe(0);
    expect(result.compile.worst).toBe(1);
    const of = (name: string): number => result.attack?.attacked.find((row) => row.name === name)?.honestHits ?? 0;
    expect(of('lru, tinylfu')).toBeGreaterThan(of('lru'));
  });

  it('gives the same page and plots each time', () => {
    const pages = [result, measure()].map((one) => {
      const all = { options, examples: [one], corpus: [], hasCorpus: false, without: [] };
      return [evaluationPage(all), ...charts([one], []).entries()];
    });
    expect(pages[0]).toEqual(pages[1]);
    expect(pages[0]?.[0]).toContain('| ipv6-filter |');
    expect(pages[0]?.[0]).not.toMatch(/NaN|undefined|Infinity/);
  });
});

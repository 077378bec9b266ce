import { describe, expect, it } from 'vitest';
import { InputError, UsageError } from '../base/index.js';
import { areaOf, numberOf, readCard, shippedCard } from '../nic/index.js';
import type { Figures, Row } from './outcome.js';
import { sweepPage } from './page.js';
import { paretoFront } from './pareto.js';
import { cardWith, meaningOf, mostPoints, parseSpace, pointsOf } from './space.js';
import { type Sweep, sweepCsv, sweepJson } from './table.js';

const pipeline = shippedCard('pipeline') as NonNullable<ReturnType<typeof shippedCard>>;

const figures = (achieved: number, luts: number | null, hitRate: number): Figures => {
  const none = { packets: 10, lost: 0, offered: 1, hitP50: 1, hitP99: 1, missP99: 1, hostCores: 0, linkBytes: 0 };
  return { ...none, achieved, luts, hitRate };
};
const row = (n: number, ...given: Parameters<typeof figures>): Row => {
  return { program: 'p', point: { n }, outcome: { kind: 'ran', figures: figures(...given) } };
};
const refused: Row = { program: 'p', point: { n: 99 }, outcome: { kind: 'refused', why: 'it has "too, many" rows' } };

describe('a space', () => {
  const values = (text: string): readonly unknown[] => parseSpace([text])[0]?.values ?? [];

  it('has all values of a short range, and doubles over a long one', () => {
    expect(values('lanes=1..8')).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(values('lanes=1..9')).toEqual([1, 2, 4, 8]);
    expect(values('entries=16..1024')).toEqual([16, 32, 64, 128, 256, 512, 1024]);
  });

  it('takes steps, factors, fractions, words and alternatives, each once', () => {
    expect(values('stages=4..16:4')).toEqual([4, 8, 12, 16]);
    expect(values('stages=1..100*10')).toEqual([1, 10, 100]);
    expect(values('clock=0.1..0.4:0.1')).toEqual([0.1, 0.2, 0.3, 0.4]);
    expect(values('policy=lru|lfu|lru')).toEqual(['lru', 'lfu']);
    expect(values('rate=10Mpps|100G|80%')).toEqual(['10Mpps', '100G', '80%']);
    expect(values('rate=100')).toEqual(['100']);
    expect(values('lanes=1..2|8')).toEqual([1, 2, 8]);
  });

  it('is gone through with the last axis fastest', () => {
    expect(pointsOf(parseSpace(['a=1|2', 'b=x|y']))).toEqual([
      { a: 1, b: 'x' },
      { a: 1, b: 'y' },
      { a: 2, b: 'x' },
      { a: 2, b: 'y' },
    ]);
  });

  it.each([
    ['stages', 'is no axis'],
    ['=4', 'is no axis'],
    ['stages=', 'is no axis'],
    ['stages=8..4', 'is empty'],
    ['stages=0..9*2', 'goes nowhere'],
    ['stages=1..9:0', 'goes nowhere'],
    ['stages=1..9*1', 'goes nowhere'],
    ['policy=lru|', 'a value is missing'],
    ['stages=1|2,stages=3', 'twice'],
    ['a=1..99:1,b=1..99:1,c=1..99:1', `${mostPoints} at most`],
    ['a=1..9000000:1', 'more than'],
  ])('refuses %s', (text, why) => {
    expect(() => parseSpace([text])).toThrow(UsageError);
    expect(() => parseSpace([text])).toThrow(why);
  });

  it('names parameters by their path, or by an end that no other has', () => {
    expect(meaningOf('front.entries', pipeline)).toEqual({ kind: 'parameter', path: 'front.entries' });
    expect(meaningOf('stages', pipeline)).toEqual({ kind: 'parameter', path: 'units.stages' });
    expect(meaningOf('clock', pipeline)).toEqual({ kind: 'parameter', path: 'clock' });
    expect(meaningOf('policy', pipeline)).toEqual({ kind: 'setting' });
    // `size` is that of several memories.
    expect(() => meaningOf('size', pipeline)).toThrow('may be');
    expect(() => meaningOf('stagse', pipeline)).toThrow('no such parameter');
  });

  it('makes cards that are read as files are', () => {
    const changed = readCard(cardWith(pipeline, new Map([['units.stages', 7]])), shippedCard);
    expect(numberOf(changed, 'units.stages')).toBe(7);
    expect(changed.parameters.get('units.stages')?.basis).toBe('assumed');
    expect([...changed.parameters.keys()]).toEqual([...pipeline.parameters.keys()]);
    expect(numberOf(pipeline, 'units.stages')).toBe(128);
    expect(() => readCard(cardWith(pipeline, new Map([['units.stages', -1]])), shippedCard)).toThrow(InputError);
  });
});

describe('a Pareto front', () => {
  it('has what nothing else is better than', () => {
    const rows = [row(0, 10, 100, 0.5), row(1, 10, 90, 0.5), row(2, 20, 100, 0.4), row(3, 5, 95, 0.45), refused];
    // 0 is beaten by 1 in area, 3 by 1 in everything.
    expect(paretoFront(rows)).toEqual([rows[1], rows[2]]);
  });

  it('has the first of equal rows, and those that differ in one figure alone if it is better', () => {
    const rows = [row(0, 1, 1, 1), row(1, 1, 1, 1), row(2, 1, 1, 0.9)];
    expect(paretoFront(rows)).toEqual([rows[0]]);
  });

  it('leaves out a figure that no row knows, and rows that do not know one that others do', () => {
    const unknown = [row(0, 1, null, 0.5), row(1, 2, null, 0.5)];
    expect(paretoFront(unknown)).toEqual([unknown[1]]);
    const mixed = [row(0, 1, null, 0.5), row(1, 2, 7, 0.5)];
    expect(paretoFront(mixed)).toEqual([mixed[1]]);
    expect(paretoFront([])).toEqual([]);
  });

  it('is what comparing all with all gives', () => {
    let seed = 7;
    const next = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 6;
    };
    const rows = Array.from({ length: 300 }, (_, n) => row(n, next(), next(), next() / 10));
    const scores = rows.map(({ outcome }) => {
      const f = (outcome as { figures: Figures }).figures;
      return [f.achieved, -(f.luts ?? 0), f.hitRate] as const;
    });
    const isBeaten = (i: number): boolean =>
      scores.some((other, j) => {
        const own = scores[i] ?? [];
        if (!other.every((score, k) => score >= (own[k] ?? 0))) return false;
        return other.some((score, k) => score > (own[k] ?? 0)) || j < i;
      });
    expect(paretoFront(rows)).toEqual(rows.filter((_, i) => !isBeaten(i)));
  });
});

describe('files of a sweep', () => {
  const rows = [row(1, 2e6, 100, 0.5), row(2, 1e6, 200, 0.25), refused];
  const sweep: Sweep = { card: 'c', axes: [{ name: 'n', values: [1, 2, 99] }], programs: ['p'], rows, missing: 1 };

  it('have a line a point, quoted where commas are', () => {
    expect([...sweepCsv(sweep)]).toEqual([
      'program,n,packets,lost,hit_rate,offered_pps,achieved_pps,hit_p50_ns,hit_p99_ns,miss_p99_ns,host_cores,link_bytes,luts,front,refused\n',
      'p,1,10,0,0.5,1,2000000,1,1,1,0,0,100,1,\n',
      'p,2,10,0,0.25,1,1000000,1,1,1,0,0,200,0,\n',
      'p,99,,,,,,,,,,,,,"it has ""too, many"" rows"\n',
    ]);
  });

  it('say which rows are the front, and that points are missing', () => {
    expect(sweepJson(sweep)).toMatchObject({
      model: true,
      programs: [{ name: 'p', front: [0] }],
      rows: [{}, {}, { refused: 'it has "too, many" rows' }],
      missing: 1,
      interrupted: true,
    });
  });

  it('escape names', () => {
    const page = sweepPage({ ...sweep, card: '<b>', programs: ['p', '<i>'] });
    expect(page).not.toContain('<b>,');
    expect(page).toContain('&#60;b&#62;');
    expect(page).toContain('&#60;i&#62;');
    expect(page).toContain('1 points are missing');
  });
});

describe('the area of a card', () => {
  const partsOf = (name: string): Record<string, number> =>
    Object.fromEntries((areaOf(shippedCard(name) ?? pipeline)?.parts ?? []).map((part) => [part.name, part.luts]));

  it('is that of its match table and what stands behind it', () => {
    // 256 conditions of 1024 bits are 2,048 cells of 16 bytes.
    expect(partsOf('pipeline')).toEqual({ 'match table': 2048 * 73, stages: 128 * 4 * 431 });
    // As published, for the core alone.
    expect(partsOf('hxdp')).toEqual({ 'match table': 0, core: 27_000 });
    expect(areaOf(shippedCard('nfp4000') ?? pipeline)).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { barChart, lineChart } from './svg-chart.js';

const line = lineChart({
  title: 'A & B',
  x: { label: 'size (traces)', scale: 'log', min: 1, max: 16 },
  y: { label: 'rate (%)', scale: 'linear', min: 0, max: 100 },
  panels: [
    {
      title: 'left',
      series: [
        {
          name: 'a<b',
          points: [
            [1, 0],
            [4, 50],
            [16, 100],
          ],
        },
        { name: 'other', points: [[1, 200]] },
      ],
    },
    { title: 'right', series: [{ name: 'other', points: [[16, 100]] }] },
  ],
});

describe('a line chart', () => {
  it('puts points where the scales say, logarithmic and linear', () => {
    const [, points = ''] = /<title>a&#60;b<\/title><polyline class="l0" points="([^"]*)"/.exec(line) ?? [];
    const [[x0, y0], [x1, y1], [x2, y2]] = points
      .split(' ')
      .map((pair) => pair.split(',').map(Number)) as number[][] as [
      [number, number],
      [number, number],
      [number, number],
    ];
    expect(x1 - x0).toBeCloseTo(x2 - x1, 0);
    expect(y0 - y1).toBeCloseTo(y1 - y2, 0);
    expect([y0, y2]).toEqual([308, 58]);
  });

  it('keeps what lies outside at the edge, and tells a series by the same look in every panel', () => {
    expect(
      [...line.matchAll(/<title>other<\/title><polyline class="(l\d)" points="[\d.]+,58"/g)].map(([, c]) => c),
    ).toEqual(['l1', 'l1']);
  });

  it('names axes and series, escaped', () => {
    for (const text of ['size (traces)', 'rate (%)', 'left', 'right', 'a&#60;b', 'A &#38; B'])
      expect(line).toContain(text);
    expect(line).not.toContain('a<b');
  });
});

describe('a bar chart', () => {
  it('draws a bar for each value, as high as it is', () => {
    const svg = barChart({
      title: 'bars',
      y: { label: 'packets', scale: 'linear', min: 0, max: 10 },
      bars: ['before', 'after'],
      groups: [
        { name: 'one', values: [10, 5] },
        { name: 'two', values: [0, 2.5] },
      ],
    });
    const heights = [...svg.matchAll(/<rect class="b\d" [^>]*height="([\d.]+)"><title>/g)].map(([, height]) =>
      Number(height),
    );
    expect(heights).toEqual([250, 125, 0, 62.5]);
  });
});

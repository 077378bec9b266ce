/** The chart of hit rates, by uPlot. */
import { type ReactElement, useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { HitRates } from '../lab/index.js';

interface Props {
  readonly rates: HitRates;
  /** Index of the size that is marked. */
  readonly at: number;
}

/** Dashes tell lines apart as well as colours do. */
const dashes: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

export default function HitChart({ rates, at }: Props): ReactElement {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const marked = useRef(at);
  marked.current = at;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const colours = coloursOf(element);
    const axis = { stroke: colours.soft, grid: { stroke: colours.line }, ticks: { stroke: colours.line } };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: 320,
        scales: { x: { time: false, distr: 3, log: 2 }, y: { range: [0, 100] } },
        axes: [
          {
            ...axis,
            label: 'traces that fit',
            values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : String(tick))),
          },
          { ...axis, label: 'hit rate, %' },
        ],
        series: [
          { label: 'traces' },
          ...rates.curves.map(({ name }, i) => ({
            label: name,
            stroke: colours.series[i % colours.series.length] ?? colours.soft,
            dash: [...(dashes[Math.floor(i / colours.series.length) % dashes.length] ?? [])],
            width: 1.75,
            value: (_: uPlot, value: number | null) => (value === null ? '' : `${value.toFixed(1)} %`),
          })),
        ],
        hooks: {
          draw: [
            ({ ctx, bbox, valToPos }) => {
              const x = valToPos(rates.sizes[marked.current] ?? 1, 'x', true);
              ctx.save();
              ctx.strokeStyle = colours.soft;
              ctx.beginPath();
              ctx.moveTo(x, bbox.top);
              ctx.lineTo(x, bbox.top + bbox.height);
              ctx.stroke();
              ctx.restore();
            },
          ],
        },
      },
      [
        [...rates.sizes],
        ...rates.curves.map(({ hits }) =>
          hits.map((count) => (rates.packets === 0 ? 0 : (100 * count) / rates.packets)),
        ),
      ],
      element,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: 320 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [rates]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the mark is drawn anew when it moves
  useEffect(() => chart.current?.redraw(false), [at]);

  return (
    <div
      ref={host}
      className="hit-chart"
      role="img"
      aria-label="Hit rate by traces that fit, a line a policy; the table below has the numbers"
    />
  );
}

/** Colours of the page, as canvases want them. */
function coloursOf(element: HTMLElement): {
  readonly soft: string;
  readonly line: string;
  readonly series: readonly string[];
} {
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  const series = ['--accent', '--second', '--pass', '--redirect', '--drop'].map(of);
  return { soft: of('--soft'), line: of('--line'), series };
}

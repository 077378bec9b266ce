/** Hit rate of the card by size and policy: a chart, and sliders that ask of it. */
import { lazy, type ReactElement, Suspense, useState } from 'react';
import type { HitRates } from '../lab/index.js';
import { ErrorBox, number, Scroll, share } from './parts.js';
import { useAnswer, useLab } from './use-lab.js';

const HitChart = lazy(() => import('./hit-chart.js'));

export function CacheView(): ReactElement {
  const { state } = useLab();
  const { opened, ran } = state;
  const isAsked = ran !== undefined && opened?.refusal === undefined;
  const { value, error } = useAnswer('hitRates', {}, isAsked ? `${opened?.program} ${state.seconds}` : undefined);
  if (ran === undefined) return <p className="note">No packets yet: drop a capture on the page.</p>;
  if (!isAsked) return <p className="note">A card takes no program that Linux would refuse.</p>;
  if (error !== undefined) return <ErrorBox error={error} />;
  if (value === undefined) return <p className="note">comparing policies…</p>;
  return <Rates rates={value} />;
}

function Rates({ rates }: { readonly rates: HitRates }): ReactElement {
  const [at, setAt] = useState(Math.min(6, rates.sizes.length - 1));
  const size = rates.sizes[at] ?? 1;
  const sorted = [...rates.curves].sort((a, b) => (b.hits[at] ?? 0) - (a.hits[at] ?? 0));
  return (
    <>
      <p>
        {number(rates.packets)} packets on {number(rates.paths)} paths.{' '}
        <label className="slider">
          A card of <b>{number(size)}</b> traces
          <input
            type="range"
            min={0}
            max={rates.sizes.length - 1}
            value={at}
            aria-valuetext={`${size} traces`}
            onChange={({ target }) => setAt(Number(target.value))}
          />
        </label>
      </p>
      <Suspense fallback={<p className="note">loading…</p>}>
        <HitChart rates={rates} at={at} />
      </Suspense>
      <Scroll label="Hit rate by policy">
        <table>
          <caption className="hidden">Hit rate by policy at {number(size)} traces</caption>
          <thead>
            <tr>
              <th>policy</th>
              <th className="n">hit rate</th>
              <th className="n">hits</th>
              <th>what it does</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map(({ name, description, hits }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="n">{share(hits[at] ?? 0, rates.packets)}</td>
                <td className="n">{number(hits[at] ?? 0)}</td>
                <td>{description}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

/** Traces: a list with a filter, and what the chosen one asks of a packet and became on the card. */
import { type ReactElement, useMemo, useState } from 'react';
import type { ReportTrace } from '../report/index.js';
import { Bar, ErrorBox, Head, number, Scroll, share, Text, Verdict } from './parts.js';
import { useAnswer, useLab } from './use-lab.js';

/** Entries of the list that are there at once. */
const shown = 200;

export function TracesView(): ReactElement {
  const { state, link, go } = useLab();
  const { ran, carded } = state;
  const [words, setWords] = useState('');
  const listed = useMemo(
    () =>
      (carded?.traces ?? [])
        .map((trace, id) => ({ ...trace, id }))
        .sort((a, b) => b.packets - a.packets || a.id - b.id)
        .filter(({ id, verdict }) => `trace ${id} ${verdict}`.toLowerCase().includes(words.trim().toLowerCase())),
    [carded, words],
  );
  const id = link.trace ?? listed[0]?.id;
  const { value: trace, error } = useAnswer(
    'trace',
    { id: id ?? 0 },
    id === undefined || carded === undefined ? undefined : `${id} ${state.seconds}`,
  );
  if (ran === undefined) return <p className="note">No packets yet: drop a capture on the page.</p>;
  if (carded === undefined) return <p className="note">recording traces…</p>;
  if (carded.traces.length === 0) return <p className="note">No trace was installed.</p>;
  return (
    <div className="two">
      <nav className="traces" aria-label="Traces">
        <label className="filter">
          Filter{' '}
          <input
            type="search"
            value={words}
            placeholder="verdict or number"
            autoComplete="off"
            onChange={({ target }) => setWords(target.value)}
          />
        </label>
        <p className="note" role="status">
          {number(listed.length)} of {number(carded.traces.length)} traces, busiest first
        </p>
        <ol>
          {listed.slice(0, shown).map(({ id: one, verdict, packets }) => (
            <li key={one}>
              <button type="button" className="quiet" aria-pressed={one === id} onClick={() => go({ trace: one })}>
                <Verdict name={verdict} /> trace {one} <span className="count">{number(packets)}</span>{' '}
                <span className="share">{share(packets, ran.summary.packets)}</span>
              </button>
              <Bar part={packets} whole={ran.summary.packets} />
            </li>
          ))}
        </ol>
      </nav>
      <div>
        {error === undefined ? null : <ErrorBox error={error} />}
        {trace === undefined ? <p className="note">putting it into words…</p> : <TraceDetail trace={trace} />}
      </div>
    </div>
  );
}

function TraceDetail({ trace }: { readonly trace: ReportTrace }): ReactElement {
  const { state, go } = useLab();
  const whole = state.ran?.summary.packets ?? 0;
  const kept = trace.insnsCondition + trace.insnsTrace;
  return (
    <section className="trace" aria-labelledby="trace-title">
      <h2 id="trace-title">
        Trace {trace.id} <Verdict name={trace.verdict} />
      </h2>
      <p>
        {number(trace.packets)} packets ({share(trace.packets, whole)}) on the card. The program takes{' '}
        <b>{number(trace.insnsProgram)}</b> instructions for such a packet, the trace <b>{number(kept)}</b>.{' '}
        <button
          type="button"
          className="link"
          onClick={() =>
            go({ view: 'packets', trace: trace.id, packet: undefined, decision: undefined, verdict: undefined })
          }
        >
          its packets
        </button>
      </p>
      <h3>What it asks of a packet</h3>
      {trace.rows.length === 0 ? (
        <p className="note">Nothing: every packet.</p>
      ) : (
        <Scroll label="Condition">
          <table className="condition">
            <Head columns={['of', 'field', 'test', 'kind']} />
            <tbody>
              {trace.rows.map(({ subject, field, test, kind }) => (
                <tr key={`${subject} ${field} ${test}`}>
                  <th scope="row">
                    <Text>{subject}</Text>
                  </th>
                  <td>
                    <code>
                      <Text>{field}</Text>
                    </code>
                  </td>
                  <td>
                    <code>
                      <Text>{test}</Text>
                    </code>
                  </td>
                  <td>
                    <span className={`kind ${kind}`}>{kind}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {trace.lines === undefined ? null : (
        <>
          <h3>What each line became</h3>
          <Scroll label="What each line became">
            <table className="lines">
              <Head columns={['source', 'as recorded', 'on the card']} />
              <tbody>
                {trace.lines.map(({ place, text, before, after }) => (
                  <tr key={`${place} ${text}`} className={after.length === 0 ? 'gone' : ''}>
                    <th scope="row">
                      <span className="place">{place}</span> <code>{text}</code>
                    </th>
                    <td data-of="as recorded">
                      <pre>{before.join('\n')}</pre>
                    </td>
                    <td data-of="on the card">
                      <pre>{after.join('\n')}</pre>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </>
      )}
    </section>
  );
}

/** What became of the packets, and which lines decided it: the first thing that one wants to know. */
import type { ReactElement } from 'react';
import type { Decision } from '../lab/index.js';
import { verdictNames } from '../platform/index.js';
import { Bar, number, placeText, Scroll, share, Text, Verdict } from './parts.js';
import { useLab } from './use-lab.js';

/** Decisions that are shown before somebody asks for more. */
const shown = 8;

export function Summary(): ReactElement | null {
  const { state, link, go } = useLab();
  const { opened, ran, carded } = state;
  if (opened === undefined) return null;
  return (
    <section className="summary" aria-label="Summary">
      {opened.refusal === undefined ? null : (
        <div className="refusal">
          <p>
            <b>Linux would not load `{opened.program}`</b>: <Text>{opened.refusal.message}</Text>
            {opened.refusal.source === undefined ? '' : ` (${opened.refusal.source})`}
          </p>
          {opened.refusal.known.length > 0 ? <p className="note">known: {opened.refusal.known.join(', ')}</p> : null}
          {opened.refusal.hint === undefined ? null : <p className="hint">hint: {opened.refusal.hint}</p>}
          <p className="note">It runs here on the interpreter, which checks every access.</p>
        </div>
      )}
      {ran === undefined ? (
        <p className="note">
          {number(opened.insns.length)} instructions, {number(opened.maps.length)} maps. Drop a capture (pcap, pcapng,
          .gz) to run packets.
        </p>
      ) : (
        <>
          <ul className="verdicts" aria-label="Packets by verdict">
            <li>
              <button
                type="button"
                aria-pressed={link.verdict === undefined}
                onClick={() => go({ verdict: undefined, decision: undefined, packet: undefined, view: 'packets' })}
              >
                <b>{number(ran.summary.packets)}</b> packets
              </button>
            </li>
            {verdictNames
              .filter((name) => ran.summary.verdicts[name] > 0)
              .map((name) => (
                <li key={name}>
                  <button
                    type="button"
                    aria-pressed={link.verdict === name}
                    onClick={() => go({ verdict: name, decision: undefined, packet: undefined, view: 'packets' })}
                  >
                    <b>{number(ran.summary.verdicts[name])}</b> <Verdict name={name} />{' '}
                    <span className="note">{share(ran.summary.verdicts[name], ran.summary.packets)}</span>
                  </button>
                </li>
              ))}
            {carded === undefined ? null : (
              <li className="note">
                {share(carded.summary.hits, carded.summary.packets)} decided on the card by{' '}
                {number(carded.traces.length)} traces
              </li>
            )}
          </ul>
          {ran.isPartial ? <p className="note">Stopped: this is not all of the capture.</p> : null}
          {ran.damage === undefined ? null : <p className="note">{ran.damage}</p>}
          {ran.summary.faults.map(({ text, count }) => (
            <p key={text} className="refusal">
              {number(count)} packets stopped by a fault: <Text>{text}</Text>
            </p>
          ))}
          {link.view === 'packets' ? <Decisions /> : null}
        </>
      )}
    </section>
  );
}

/** The lines that decided. */
function Decisions(): ReactElement | null {
  const { state, link } = useLab();
  const { opened, reasons } = state;
  if (opened === undefined || reasons === undefined) return null;
  const wanted = reasons.decisions
    .map((decision, index) => ({ decision, index }))
    .filter(({ decision }) => link.verdict === undefined || decision.verdict === link.verdict);
  return (
    <Scroll label="What decided">
      <table className="decisions">
        <caption>
          What decided{link.verdict === undefined ? '' : ` about ${link.verdict}`}
          {reasons.isPartial ? ` the first ${number(reasons.packets)} packets` : ''}
        </caption>
        <thead>
          <tr>
            <th>verdict</th>
            <th className="n">packets</th>
            <th>line that decided</th>
            <th className="share-bar">
              <span className="hidden">share</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {wanted.slice(0, link.verdict === undefined ? shown : wanted.length).map(({ decision, index }) => (
            <DecisionRow key={index} decision={decision} index={index} whole={reasons.packets} />
          ))}
        </tbody>
      </table>
      {link.verdict === undefined && wanted.length > shown ? (
        <p className="note">and {number(wanted.length - shown)} more: choose a verdict above to see all of its lines</p>
      ) : null}
    </Scroll>
  );
}

interface RowProps {
  readonly decision: Decision;
  readonly index: number;
  readonly whole: number;
}

function DecisionRow({ decision, index, whole }: RowProps): ReactElement {
  const { state, link, go } = useLab();
  const { opened } = state;
  const isChosen = link.decision === index;
  const { place } = decision;
  return (
    <tr className={isChosen ? 'chosen' : ''}>
      <td>
        <Verdict name={decision.verdict} />
      </td>
      <td className="n">{number(decision.packets)}</td>
      <td>
        <button
          type="button"
          className="quiet"
          aria-pressed={isChosen}
          onClick={() => go({ decision: isChosen ? undefined : index, packet: undefined, view: 'packets' })}
        >
          {opened === undefined ? '' : placeText(opened, place)} <code>{decision.text}</code>
        </button>
        {place === undefined ? null : (
          <button
            type="button"
            className="quiet aside"
            onClick={() => go({ view: 'program', line: `${place.file}:${place.line}` })}
          >
            in the source
          </button>
        )}
      </td>
      <td>
        <Bar part={decision.packets} whole={whole} />
      </td>
    </tr>
  );
}

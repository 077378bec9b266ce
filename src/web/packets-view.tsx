/** Packets as a list with a filter, and the chosen one before and after. */
import { type ReactElement, useEffect, useState } from 'react';
import type { PacketQuery } from '../lab/index.js';
import { verdictNames } from '../platform/index.js';
import { PacketDetailView } from './packet-detail.js';
import { PacketList } from './packet-list.js';
import { ErrorBox, number, placeText } from './parts.js';
import { useAnswer, useLab } from './use-lab.js';

export function PacketsView(): ReactElement {
  const { state, link, go, session } = useLab();
  const { ran, reasons, carded, detail } = state;
  const query: PacketQuery = {
    filter: link.filter,
    verdict: link.verdict === undefined ? undefined : (verdictNames as readonly string[]).indexOf(link.verdict),
    trace: carded === undefined ? undefined : link.trace,
    decision: reasons === undefined ? undefined : link.decision,
  };
  // What was run is part of the question: the same filter finds others in another capture.
  const key = ran === undefined ? undefined : JSON.stringify([query, state.seconds]);
  const { value, error } = useAnswer('find', query, key);
  // The list stays until the next one is there: it may have the focus.
  const [kept, setKept] = useState(value);
  if (value !== undefined && value !== kept) setKept(value);
  const found = value ?? (ran === undefined ? undefined : kept);
  const [first] = found ?? [];
  const index = link.packet ?? first;
  useEffect(() => {
    if (index !== undefined && ran !== undefined && detail?.index !== index) void session.look(index);
  }, [index, ran, detail, session]);
  if (ran === undefined) return <p className="note">No packets yet: drop a capture on the page.</p>;
  return (
    <div className="two">
      <section aria-label="Packets" className="packets">
        <Filter
          text={link.filter ?? ''}
          onFilter={(filter) => go({ filter: filter || undefined, packet: undefined })}
        />
        {error === undefined ? null : <ErrorBox error={error} />}
        <p className="note" role="status">
          {value === undefined || found === undefined
            ? 'looking…'
            : `${number(found.length)} of ${number(ran.summary.packets)} packets`}
          <Chosen />
        </p>
        {found === undefined ? null : <PacketList found={found} chosen={index} onChoose={(packet) => go({ packet })} />}
      </section>
      <section aria-label="Packet" className="packet">
        {detail === undefined || index === undefined ? (
          <p className="note">{index === undefined ? 'No packet is chosen.' : 'running up to the packet…'}</p>
        ) : (
          <PacketDetailView detail={detail} />
        )}
      </section>
    </div>
  );
}

/** What else narrows the list, each with a way to take it off. */
function Chosen(): ReactElement | null {
  const { state, link, go } = useLab();
  const decision = state.reasons?.decisions[link.decision ?? -1];
  const parts = [
    link.verdict === undefined ? undefined : { words: link.verdict, off: { verdict: undefined } },
    link.trace === undefined ? undefined : { words: `trace ${link.trace}`, off: { trace: undefined } },
    decision === undefined || state.opened === undefined
      ? undefined
      : { words: `decided at ${placeText(state.opened, decision.place)}`, off: { decision: undefined } },
  ].filter((part) => part !== undefined);
  return (
    <>
      {parts.map(({ words, off }) => (
        <button key={words} type="button" className="chip" onClick={() => go({ ...off, packet: undefined })}>
          {words} <span aria-hidden="true">✕</span>
          <span className="hidden">: take this condition off</span>
        </button>
      ))}
    </>
  );
}

interface FilterProps {
  readonly text: string;
  readonly onFilter: (text: string) => void;
}

/** Asked when the typing pauses. */
function Filter({ text, onFilter }: FilterProps): ReactElement {
  const [typed, setTyped] = useState(text);
  const [shown, setShown] = useState(text);
  if (shown !== text) {
    setShown(text);
    setTyped(text);
  }
  useEffect(() => {
    if (typed === text) return;
    const timer = setTimeout(() => onFilter(typed), 300);
    return () => clearTimeout(timer);
  }, [typed, text, onFilter]);
  return (
    <label className="filter">
      Filter
      <input
        type="search"
        value={typed}
        placeholder="udp.dport == 53 && ip.src == 10.0.0.0/8"
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => setTyped(target.value)}
      />
    </label>
  );
}

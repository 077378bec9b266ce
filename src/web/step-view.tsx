/** A packet stepped forward and back, with registers, stack, packet and maps as they are there. */
import { type ReactElement, Suspense, useEffect, useState } from 'react';
import type { CellView, Move, StepView as StepData } from '../lab/index.js';
import type { ErrorReport } from '../text/index.js';
import { LabError } from './client.js';
import { Bytecode, Source } from './listings.js';
import { ErrorBox, Head, number, Scroll, Text } from './parts.js';
import { useLab } from './use-lab.js';

export function StepView(): ReactElement {
  const { state, link, go, session } = useLab();
  const { opened, ran, detail } = state;
  const index = link.packet ?? detail?.index ?? 0;
  const wanted = link.step ?? 0;
  const [data, setData] = useState<StepData>();
  const [error, setError] = useState<ErrorReport>();
  const isReady = ran !== undefined && ran.summary.packets > index;
  const move = (to: Move): void => {
    session.client.call('step', { index, move: to, asks: true }).then(
      (view) => {
        if (view === undefined) return;
        setData(view);
        setError(undefined);
        go({ packet: index, step: view.position });
      },
      (failed: unknown) => failed instanceof LabError && setError(failed.report),
    );
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked when the address says another place than the one shown
  useEffect(() => {
    if (isReady && data?.position !== wanted) move({ kind: 'to', position: wanted });
  }, [isReady, index, wanted]);
  if (opened === undefined || !isReady) return <p className="note">No packets yet: drop a capture on the page.</p>;
  return (
    <>
      {error === undefined ? null : <ErrorBox error={error} />}
      <Controls data={data} index={index} onMove={move} />
      <div className="two even">
        <div className="stack-of-two">
          <Source opened={opened} here={data?.place} />
          <section aria-label="Code" className="pane">
            <Suspense fallback={<p className="note">loading…</p>}>
              <Bytecode opened={opened} here={data?.pc} />
            </Suspense>
          </section>
        </div>
        {data === undefined ? <p className="note">running up to the packet…</p> : <State data={data} />}
      </div>
    </>
  );
}

interface ControlProps {
  readonly data: StepData | undefined;
  readonly index: number;
  readonly onMove: (move: Move) => void;
}

/** Buttons by what people mean; the slider goes anywhere. */
function Controls({ data, index, onMove }: ControlProps): ReactElement {
  const { link } = useLab();
  const [position, length] = [data?.position ?? 0, data?.length ?? 0];
  const [file, line] = (link.line ?? '').split(':').map(Number);
  const button = (words: string, sign: string, move: Move, isOff: boolean): ReactElement => (
    <button type="button" disabled={isOff} onClick={() => onMove(move)}>
      <span aria-hidden="true">{sign}</span> {words}
    </button>
  );
  const atStart = position === 0;
  const atEnd = position >= length;
  return (
    <section className="controls" aria-label="Stepping">
      <b>Packet {number(index + 1)}</b>
      {button('Start', '|◀', { kind: 'to', position: 0 }, atStart)}
      {button('Line back', '◀◀', { kind: 'line', back: true }, atStart)}
      {button('Back', '◀', { kind: 'insn', back: true }, atStart)}
      {button('Step', '▶', { kind: 'insn', back: false }, atEnd)}
      {button('Line', '▶▶', { kind: 'line', back: false }, atEnd)}
      {button('End', '▶|', { kind: 'to', position: length }, atEnd)}
      {file !== undefined && line !== undefined && line > 0 ? (
        <>
          {button(`To line ${line}`, '▶', { kind: 'line at', place: { file, line }, back: false }, atEnd)}
          {button(`Back to line ${line}`, '◀', { kind: 'line at', place: { file, line }, back: true }, atStart)}
        </>
      ) : null}
      <label className="slider">
        Step {number(position)} of {number(length)}
        <input
          type="range"
          min={0}
          max={length}
          value={position}
          onChange={({ target }) => onMove({ kind: 'to', position: Number(target.value) })}
        />
      </label>
    </section>
  );
}

function State({ data }: { readonly data: StepData }): ReactElement {
  const { state } = useLab();
  const isAtEnd = data.position >= data.length;
  return (
    <section className="packet" aria-label="State">
      <h2 className="hidden">State</h2>
      <p>
        {isAtEnd ? (
          <b>the end: {state.detail === undefined ? '' : state.detail.verdict}</b>
        ) : (
          <>
            <code>
              <Text>{data.insn ?? ''}</Text>
            </code>{' '}
            <span className="note">in {data.frames.join(', called by ')}</span>
          </>
        )}
      </p>
      <Cells title="Registers" cells={data.registers} />
      {data.stack.length === 0 ? null : <Cells title="Stack" cells={data.stack} />}
      {data.packet.length === 0 ? null : (
        <>
          <h3>Packet: fields that changed</h3>
          <Scroll label="Fields that changed">
            <table>
              <Head columns={['field', 'arrived as', 'now']} />
              <tbody>
                {data.packet.map(({ name, text, arrived, isChanged }) => (
                  <tr key={name}>
                    <th scope="row">{name}</th>
                    <td>
                      <code>{arrived ?? text}</code>
                    </td>
                    <td>
                      <code>{text}</code>
                      {isChanged ? <span className="mark"> new</span> : null}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </>
      )}
      {data.maps.length === 0 ? null : (
        <>
          <h3>Maps: what changed</h3>
          {data.maps.map(({ name, elements }) => (
            <p key={name} className="note">
              <b>{name}</b>{' '}
              {elements.map(({ key, before, value }) => (
                <code key={key}>
                  [{key}] {before ?? 'not there'} → {value ?? 'gone'}
                </code>
              ))}
            </p>
          ))}
        </>
      )}
    </section>
  );
}

function Cells({ title, cells }: { readonly title: string; readonly cells: readonly CellView[] }): ReactElement {
  return (
    <>
      <h3>{title}</h3>
      <Scroll label={title}>
        <table className="cells">
          <Head columns={['name', 'value', 'what the verifier knows']} />
          <tbody>
            {cells.map(({ name, text, symbol, known, isChanged }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <code>{text}</code>
                  {isChanged ? <span className="mark"> new</span> : null}
                  {symbol === undefined ? null : <span className="note"> {symbol}</span>}
                </td>
                <td className="note">{known ?? ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

/** One packet: what was decided and where, fields before and after, its way through the source, what it left behind. */
import type { ReactElement } from 'react';
import type { PacketDetail, WayLine } from '../lab/index.js';
import { Head, number, placeText, Scroll, Text, Verdict } from './parts.js';
import { useLab } from './use-lab.js';

export function PacketDetailView({ detail }: { readonly detail: PacketDetail }): ReactElement {
  const { state, go } = useLab();
  const { opened, carded } = state;
  const trace = carded?.trace[detail.index] ?? -1;
  const { decided } = detail;
  return (
    <>
      <h2>
        Packet {number(detail.index + 1)}: <Verdict name={detail.verdict} />
        {detail.redirect === undefined ? '' : ` to ${detail.redirect}`}
      </h2>
      {detail.trap === undefined ? null : (
        <p className="refusal">
          The program was stopped: <Text>{detail.trap}</Text>
        </p>
      )}
      {decided === undefined || opened === undefined ? null : (
        <p className="because">
          {decided.place === undefined ? (
            'No line is known that decided: the object has no line records.'
          ) : (
            <>
              Decided at{' '}
              <button
                type="button"
                className="link"
                onClick={() => go({ view: 'program', line: `${decided.place?.file}:${decided.place?.line}` })}
              >
                {placeText(opened, decided.place)}
              </button>
              : <code>{decided.text}</code>
            </>
          )}
        </p>
      )}
      <p className="note">
        {number(detail.steps)} instructions:{' '}
        <button type="button" className="link" onClick={() => go({ view: 'step', packet: detail.index, step: 0 })}>
          step through them
        </button>
        .{' '}
        {carded === undefined ? null : trace < 0 ? (
          'The host runs such packets.'
        ) : (
          <>
            Its path is{' '}
            <button type="button" className="link" onClick={() => go({ view: 'traces', trace })}>
              trace {trace}
            </button>
            .
          </>
        )}
      </p>
      <Fields detail={detail} />
      <Way detail={detail} />
      {detail.maps.length === 0 ? null : <MapChanges detail={detail} />}
      {detail.outputs.length === 0 ? null : (
        <>
          <h3>What it put out</h3>
          <Scroll label="Outputs">
            <pre>
              <Text>{detail.outputs.join('\n')}</Text>
            </pre>
          </Scroll>
        </>
      )}
    </>
  );
}

/** Fields by header; what changed is marked in words too. */
function Fields({ detail }: { readonly detail: PacketDetail }): ReactElement {
  const { packet, arrived } = detail;
  const isChanged = packet.headers.some(({ fields }) => fields.some((field) => field.arrived !== undefined));
  return (
    <>
      <h3>
        Headers{' '}
        <span className="note">
          {number(arrived.length)} bytes{packet.bytes.length === arrived.length ? '' : `, now ${packet.bytes.length}`}
          {isChanged ? '' : '; it leaves as it came'}
        </span>
      </h3>
      <div className="headers">
        {packet.headers.map(({ label, fields }) => {
          const changed = fields.filter((field) => field.arrived !== undefined);
          return (
            <details key={label} open={changed.length > 0}>
              <summary>
                <b>{label}</b> <span className="note">{briefOf(fields)}</span>
                {changed.length > 0 ? <span className="mark"> {changed.length} changed</span> : null}
              </summary>
              <table className="fields">
                <Head columns={['field', 'before', 'after']} />
                <tbody>
                  {fields.map(({ name, text, arrived: before }) => (
                    <tr key={name} className={before === undefined ? '' : 'changed'}>
                      <th scope="row">{name}</th>
                      <td>
                        <code>{before ?? text}</code>
                      </td>
                      <td>
                        {before === undefined ? (
                          <span className="note">same</span>
                        ) : (
                          <code className="mark">{text}</code>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </details>
          );
        })}
      </div>
    </>
  );
}

/** Addresses and ports, which tell headers apart. */
function briefOf(fields: readonly { readonly name: string; readonly text: string }[]): string {
  const of = (end: string): string | undefined => fields.find(({ name }) => name.endsWith(`.${end}`))?.text;
  const pair = (from: string, to: string): string | undefined =>
    of(from) === undefined || of(to) === undefined ? undefined : `${of(from)} → ${of(to)}`;
  return pair('src', 'dst') ?? pair('sport', 'dport') ?? '';
}

/** Lines of source in the order in which the packet came to them. */
function Way({ detail }: { readonly detail: PacketDetail }): ReactElement {
  const { state, go } = useLab();
  const { opened } = state;
  const isDecision = ({ place }: WayLine): boolean =>
    place !== undefined && detail.decided?.place?.file === place.file && detail.decided.place.line === place.line;
  return (
    <>
      <h3>Its way through the program</h3>
      <ol className="way">
        {detail.way.map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the order is what the list is about
          <li key={i} className={isDecision(line) ? 'decides' : ''}>
            {line.place === undefined || opened === undefined ? (
              <code>{line.text}</code>
            ) : (
              <button
                type="button"
                className="quiet"
                onClick={() => go({ view: 'program', line: `${line.place?.file}:${line.place?.line}` })}
              >
                <span className="place">{placeText(opened, line.place)}</span> <code>{line.text}</code>
                {isDecision(line) ? <span className="mark"> decided here</span> : null}
              </button>
            )}
          </li>
        ))}
      </ol>
      {detail.wayLeft > 0 ? <p className="note">and {number(detail.wayLeft)} more lines</p> : null}
    </>
  );
}

function MapChanges({ detail }: { readonly detail: PacketDetail }): ReactElement {
  return (
    <>
      <h3>What it changed in maps</h3>
      <Scroll label="Changes of maps">
        <table>
          <Head columns={['map', 'key', 'before', 'after']} />
          <tbody>
            {detail.maps.flatMap(({ name, elements }) =>
              elements.map(({ key, before, value }) => (
                <tr key={`${name} ${key}`}>
                  <th scope="row">{name}</th>
                  <td>
                    <code>{key}</code>
                  </td>
                  <td>
                    <code>{before ?? 'not there'}</code>
                  </td>
                  <td>
                    <code>{value ?? 'gone'}</code>
                  </td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

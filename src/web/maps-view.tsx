/** Maps before the first packet and after the last; a value that is changed here is what packets find next time. */
import { type FormEvent, type ReactElement, useState } from 'react';
import type { MapElement } from '../lab/index.js';
import { ErrorBox, Head, number, Scroll, Text } from './parts.js';
import { useAnswer, useLab } from './use-lab.js';

export function MapsView(): ReactElement {
  const { state, link, go } = useLab();
  const { opened } = state;
  const maps = opened?.maps ?? [];
  const index = Math.min(link.map ?? 0, Math.max(0, maps.length - 1));
  const chosen = maps[index];
  const { value, error } = useAnswer(
    'map',
    { map: index },
    chosen === undefined ? undefined : `${opened?.object} ${index} ${state.seconds}`,
  );
  if (chosen === undefined) return <p className="note">The program has no maps.</p>;
  return (
    <div className="maps">
      <label>
        Map{' '}
        <select value={index} onChange={({ target }) => go({ map: Number(target.value) })}>
          {maps.map(({ name, type, maxEntries }, i) => (
            <option key={name} value={i}>
              {name} ({type}, {number(maxEntries)})
            </option>
          ))}
        </select>
      </label>
      <p className="note">
        {chosen.type}, keys of {chosen.keySize} bytes, values of {chosen.valueSize}. A value or an element that you set
        here is there before the first packet; the packets run again then.
      </p>
      {error === undefined ? null : <ErrorBox error={error} />}
      {value === undefined ? null : (
        <>
          <Scroll label={`Elements of ${chosen.name}`}>
            <table>
              <caption className="hidden">Elements of {chosen.name}</caption>
              <Head columns={['key', 'before the first packet', 'after the last']} />
              <tbody>
                {value.elements.map((element) => (
                  <Element key={element.key} map={chosen.name} element={element} />
                ))}
              </tbody>
            </table>
          </Scroll>
          {value.elements.length < value.count ? (
            <p className="note">
              {number(value.elements.length)} of {number(value.count)} elements, those that changed first
            </p>
          ) : null}
          <NewElement map={chosen.name} />
        </>
      )}
    </div>
  );
}

function Element({ map, element }: { readonly map: string; readonly element: MapElement }): ReactElement {
  const { session } = useLab();
  const { key, words, before, after } = element;
  const [typed, setTyped] = useState(before ?? '');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (typed !== (before ?? '')) void session.setElement(map, key, typed);
  };
  return (
    <tr>
      <th scope="row">
        <code>
          <Text>{words ?? key}</Text>
        </code>
      </th>
      <td>
        <form onSubmit={submit}>
          <input
            type="text"
            aria-label={`value of ${words ?? key} before the first packet`}
            value={typed}
            placeholder="not there"
            spellCheck={false}
            onChange={({ target }) => setTyped(target.value)}
          />
          {typed === (before ?? '') ? null : <button type="submit">Set</button>}
        </form>
      </td>
      <td>
        <code>
          <Text>{after ?? 'not there'}</Text>
        </code>
        {after === before ? null : <span className="mark"> changed</span>}
      </td>
    </tr>
  );
}

function NewElement({ map }: { readonly map: string }): ReactElement {
  const { session } = useLab();
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  return (
    <form
      className="new-element"
      onSubmit={(event) => {
        event.preventDefault();
        void session.setElement(map, key, value);
      }}
    >
      <label>
        Key <input type="text" value={key} spellCheck={false} onChange={({ target }) => setKey(target.value)} />
      </label>
      <label>
        Value <input type="text" value={value} spellCheck={false} onChange={({ target }) => setValue(target.value)} />
      </label>
      <button type="submit" disabled={key === '' || value === ''}>
        Set
      </button>
      <span className="note">as in a map file: hex bytes, or JSON by the map’s type</span>
    </form>
  );
}

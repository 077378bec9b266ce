/** The examples that lie beside the page. */
import { type ReactElement, useEffect, useState } from 'react';
import { type Link, nothingChosen } from './link.js';
import { useLab } from './use-lab.js';

interface Example {
  readonly name: string;
  readonly maps: boolean;
}

let listed: Promise<readonly Example[]> | undefined;

/** As buttons, or with a label as a list to choose from. */
export function Examples({ label }: { readonly label?: string }): ReactElement | null {
  const { session, go } = useLab();
  const [examples, setExamples] = useState<readonly Example[]>([]);
  useEffect(() => {
    listed ??= fetch('examples/list.json').then(
      (answer) => (answer.ok ? (answer.json() as Promise<readonly Example[]>) : []),
      () => [],
    );
    void listed.then(setExamples);
  }, []);
  const open = (name: string): void => {
    const example = examples.find((one) => one.name === name);
    if (example === undefined) return;
    const path = (file: string): string => `examples/${name}/${file}`;
    const link: Partial<Link> = {
      ...nothingChosen,
      object: path(`${name}.o`),
      capture: path('traffic.pcap'),
      maps: example.maps ? path(`${name}.maps.json`) : undefined,
      view: 'packets',
    };
    go(link);
    void session.fetchAll([link.object, link.maps, link.capture]);
  };
  if (examples.length === 0) return null;
  if (label !== undefined)
    return (
      <select aria-label={label} value="" onChange={({ target }) => open(target.value)}>
        <option value="" disabled>
          {label}…
        </option>
        {examples.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    );
  return (
    <ul className="examples">
      {examples.map(({ name }) => (
        <li key={name}>
          <button type="button" onClick={() => open(name)}>
            {name}
          </button>
        </li>
      ))}
    </ul>
  );
}

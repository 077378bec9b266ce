/** The page: what is open, what became of its packets, and the views of it. */
import { type ReactElement, useEffect, useRef, useState } from 'react';
import { CacheView } from './cache-view.js';
import { Dropping } from './dropping.js';
import { Examples } from './examples.js';
import { nothingChosen, type ViewName, views } from './link.js';
import { MapsView } from './maps-view.js';
import { PacketsView } from './packets-view.js';
import { baseName, ErrorBox, Text } from './parts.js';
import { ProgramView } from './program-view.js';
import { StepView } from './step-view.js';
import { Summary } from './summary.js';
import { TracesView } from './traces-view.js';
import { type Lab, LabContext, useNewLab } from './use-lab.js';

/** The views: what stands on their tabs, and what is shown. */
const shown: Readonly<Record<ViewName, { readonly title: string; readonly View: () => ReactElement | null }>> = {
  packets: { title: 'Packets', View: PacketsView },
  step: { title: 'Step by step', View: StepView },
  program: { title: 'Program', View: ProgramView },
  maps: { title: 'Maps', View: MapsView },
  traces: { title: 'Traces', View: TracesView },
  cache: { title: 'Hit rate', View: CacheView },
};

export function App(): ReactElement {
  const lab = useNewLab();
  const { session, state, link } = lab;
  const fetched = useRef(false);
  useEffect(() => {
    if (fetched.current || link.object === undefined) return;
    fetched.current = true;
    void session.fetchAll([link.object, link.maps, link.capture], link.program);
  }, [session, link]);
  const { opened } = state;
  return (
    <LabContext value={lab}>
      <div className="lab">
        <Dropping onFiles={(files) => take(lab, files)}>
          <Head lab={lab} />
          <main>
            {state.error === undefined ? null : (
              <ErrorBox error={state.error}>
                <button type="button" onClick={() => session.dismiss()}>
                  Close
                </button>
              </ErrorBox>
            )}
            <Progressing lab={lab} />
            {opened === undefined ? <Welcome lab={lab} /> : <Views lab={lab} />}
          </main>
        </Dropping>
      </div>
    </LabContext>
  );
}

/** Opens what was dropped or picked: the address speaks of it no more. */
function take({ session, go }: Lab, files: readonly File[]): void {
  go({ ...nothingChosen, object: undefined, capture: undefined, maps: undefined });
  void session.take(files);
}

function Head({ lab }: { readonly lab: Lab }): ReactElement {
  const { state, session, go } = lab;
  const { opened, captureName } = state;
  return (
    <header>
      <h1>jitnic lab</h1>
      {opened === undefined ? null : (
        <p>
          <Text>{baseName(opened.object)}</Text>
          {captureName === undefined ? null : (
            <>
              , packets of <Text>{captureName}</Text>
            </>
          )}
        </p>
      )}
      {opened !== undefined && opened.programs.length > 1 ? (
        <label>
          Program{' '}
          <select
            value={opened.program}
            onChange={({ target }) => {
              go({ ...nothingChosen, program: target.value });
              void session.choose(target.value);
            }}
          >
            {opened.programs.map(({ name, section }) => (
              <option key={name} value={name}>
                {name} ({section})
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <div className="tools">
        <FilePicker lab={lab} />
        {opened === undefined ? null : <Examples label="Example" />}
        <Theme />
      </div>
    </header>
  );
}

function FilePicker({ lab }: { readonly lab: Lab }): ReactElement {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-testid="files"
        onChange={({ target }) => {
          take(lab, [...(target.files ?? [])]);
          target.value = '';
        }}
      />
      <button type="button" onClick={() => input.current?.click()}>
        Open files…
      </button>
    </>
  );
}

function Theme(): ReactElement {
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  return (
    <button
      type="button"
      onClick={() => {
        document.documentElement.setAttribute('data-theme', dark ? 'light' : 'dark');
        setDark(!dark);
      }}
    >
      {dark ? 'Light' : 'Dark'}
    </button>
  );
}

function Progressing({ lab }: { readonly lab: Lab }): ReactElement {
  const { busy } = lab.state;
  return (
    <div className="progress" aria-live="polite">
      {busy === undefined ? null : (
        <>
          <span>
            {busy.what}
            {busy.packets > 0 ? `, ${busy.packets.toLocaleString('en-US')} packets` : ''}
          </span>
          <progress aria-label={busy.what} max={1} value={busy.share} />
          <button type="button" onClick={() => lab.session.stop()}>
            Stop
          </button>
        </>
      )}
    </div>
  );
}

function Welcome({ lab }: { readonly lab: Lab }): ReactElement {
  return (
    <section className="welcome">
      <h2>What does an XDP program do with my packets, and why?</h2>
      <p>
        Drop the program (<code>prog.o</code>) and packets (<code>traffic.pcap</code>, also pcapng or <code>.gz</code>)
        anywhere on this page. What maps hold before the first packet may come as JSON (<code>maps.json</code>). Nothing
        leaves this browser.
      </p>
      <FilePicker lab={lab} />
      <h3>Or look at an example</h3>
      <Examples />
    </section>
  );
}

function Views({ lab }: { readonly lab: Lab }): ReactElement {
  const { link, go, state } = lab;
  const { View } = shown[link.view];
  const tabs = useRef<Partial<Record<ViewName, HTMLButtonElement | null>>>({});
  const step = (by: number): void => {
    const name = views[(views.indexOf(link.view) + by + views.length) % views.length] ?? 'packets';
    go({ view: name });
    tabs.current[name]?.focus();
  };
  return (
    <>
      <Summary />
      <div role="tablist" aria-label="Views" className="tabs">
        {views.map((name) => (
          <button
            key={name}
            ref={(tab) => {
              tabs.current[name] = tab;
            }}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={link.view === name}
            aria-controls="view"
            tabIndex={link.view === name ? 0 : -1}
            onClick={() => go({ view: name })}
            onKeyDown={({ key }) => {
              if (key === 'ArrowRight') step(1);
              else if (key === 'ArrowLeft') step(-1);
            }}
          >
            {shown[name].title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="view" aria-labelledby={`tab-${link.view}`} key={`${state.opened?.program} ${link.view}`}>
        <View />
      </div>
    </>
  );
}

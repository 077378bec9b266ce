/** The program: its source beside what it becomes, linked both ways by line. */
import { lazy, type ReactElement, Suspense, useMemo } from 'react';
import type { Opened } from '../lab/index.js';
import { Bytecode, Source } from './listings.js';
import { ErrorBox, number } from './parts.js';
import { useAnswer, useLab } from './use-lab.js';

const CodePane = lazy(() => import('./code-pane.js'));

const codes = { bytecode: 'Bytecode', verifier: 'Verifier log', ir: 'IR by pass', wasm: 'WebAssembly' } as const;
type CodeName = keyof typeof codes;

export function ProgramView(): ReactElement {
  const { state, link, go } = useLab();
  const { opened } = state;
  if (opened === undefined) return <p className="note">No program yet.</p>;
  const code = (Object.keys(codes) as CodeName[]).find((name) => name === link.code) ?? 'bytecode';
  return (
    <div className="two even">
      <Source opened={opened} />
      <section aria-label="Code" className="pane">
        <div className="pane-head">
          {(Object.keys(codes) as CodeName[]).map((name) => (
            <button key={name} type="button" aria-pressed={name === code} onClick={() => go({ code: name })}>
              {codes[name]}
            </button>
          ))}
        </div>
        <Suspense fallback={<p className="note">loading…</p>}>
          {code === 'bytecode' ? <Bytecode opened={opened} /> : null}
          {code === 'verifier' ? <Log opened={opened} /> : null}
          {code === 'ir' ? <Ir /> : null}
          {code === 'wasm' ? <WebAssemblyText /> : null}
        </Suspense>
      </section>
    </div>
  );
}

/** The kernel's words: each instruction that it walked, with the state that it knew; a line of it leads to the source. */
function Log({ opened }: { readonly opened: Opened }): ReactElement {
  const { go, link } = useLab();
  const { value, error } = useAnswer('log', {}, opened.program);
  const pcs = useMemo(
    () => value?.log.split('\n').map((line) => Number(/^(?:from \d+ to )?(\d+): /.exec(line)?.[1] ?? -1)) ?? [],
    [value],
  );
  const places = useMemo(() => new Map(opened.insns.map(({ pc, place }) => [pc, place])), [opened]);
  const marks = useMemo(() => {
    const found = new Map<number, 'chosen'>();
    for (const [i, pc] of pcs.entries()) {
      const place = places.get(pc);
      if (place !== undefined && `${place.file}:${place.line}` === link.line) found.set(i, 'chosen');
    }
    return found;
  }, [pcs, places, link.line]);
  if (error !== undefined) return <ErrorBox error={error} />;
  if (value === undefined) return <p className="note">verifying…</p>;
  return (
    <>
      <p className="pane-sub note">
        {number(value.insns)} instructions checked, {number(value.states)} states saved
        {value.isCut ? '; the beginning of the log' : ''}
      </p>
      <CodePane
        label="Verifier log"
        text={value.log}
        marks={marks}
        focus={[...marks.keys()][0]}
        onLine={(i) => {
          const place = places.get(pcs[i] ?? -1);
          if (place !== undefined) go({ line: `${place.file}:${place.line}` });
        }}
      />
    </>
  );
}

function Ir(): ReactElement {
  const { state, link, go } = useLab();
  const { value, error } = useAnswer('ir', {}, state.opened?.program);
  if (error !== undefined) return <ErrorBox error={error} />;
  if (value === undefined) return <p className="note">optimizing…</p>;
  const { passes } = value;
  const index = Math.max(
    0,
    link.pass === undefined ? passes.length - 1 : passes.findIndex(({ name }) => name === link.pass),
  );
  const pass = passes[index];
  return (
    <>
      <label className="pane-sub">
        After pass{' '}
        <select value={index} onChange={({ target }) => go({ pass: passes[Number(target.value)]?.name })}>
          {passes.map(({ name, insns }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: passes may run twice
            <option key={i} value={i}>
              {i + 1}. {name} ({number(insns)} instructions)
            </option>
          ))}
        </select>
      </label>
      <CodePane label={`IR after ${pass?.name ?? ''}`} text={pass?.text ?? ''} />
    </>
  );
}

function WebAssemblyText(): ReactElement {
  const { state } = useLab();
  const { value, error } = useAnswer('wasm', {}, state.opened?.program);
  const text = useMemo(
    () => (value === undefined ? undefined : import('./wat.js').then(({ watOf }) => watOf(value))),
    [value],
  );
  if (error !== undefined) return <ErrorBox error={error} />;
  if (text === undefined) return <p className="note">compiling…</p>;
  return <Wat text={text} />;
}

const WatPane = lazy(() => import('./wat-pane.js'));

function Wat({ text }: { readonly text: Promise<string> }): ReactElement {
  return <WatPane text={text} />;
}

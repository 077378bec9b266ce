/** Source and bytecode side by side, linked both ways by line. */
import { lazy, type ReactElement, Suspense, useMemo } from 'react';
import type { LinePlace, Opened } from '../lab/index.js';
import type { LineMark } from './code-pane.js';
import { baseName, number } from './parts.js';
import { useLab } from './use-lab.js';

const CodePane = lazy(() => import('./code-pane.js'));

/** File and line that the address names. */
function useChosenLine(): LinePlace | undefined {
  const { link } = useLab();
  return useMemo(() => {
    const [file, line] = (link.line ?? '').split(':').map(Number);
    return file === undefined || line === undefined || Number.isNaN(file + line) ? undefined : { file, line };
  }, [link.line]);
}

/** How often each line ran: runs of its instruction that ran most. */
function useRunsByLine(opened: Opened): ReadonlyMap<string, number> | undefined {
  const { state } = useLab();
  const { reasons } = state;
  return useMemo(() => {
    if (reasons === undefined) return undefined;
    const runs = new Map<string, number>();
    for (const { pc, place } of opened.insns) {
      if (place === undefined) continue;
      const key = `${place.file}:${place.line}`;
      runs.set(key, Math.max(runs.get(key) ?? 0, reasons.runs[pc] ?? 0));
    }
    return runs;
  }, [opened, reasons]);
}

interface SourceProps {
  readonly opened: Opened;
  /** Where a packet is, in place of what the address names. */
  readonly here?: LinePlace | undefined;
}

/** Source lines with how often each ran. */
export function Source({ opened, here }: SourceProps): ReactElement {
  const { state, go } = useLab();
  const named = useChosenLine();
  const chosen = here ?? named;
  const runs = useRunsByLine(opened);
  const { reasons } = state;
  const own = opened.insns.find(({ place }) => place !== undefined)?.place?.file ?? 0;
  const index = chosen?.file ?? own;
  const file = opened.files[index];
  const { text, gutter, marks } = useMemo(() => {
    const lines = file?.lines ?? [];
    const deciding = new Set(reasons?.decisions.flatMap(({ place }) => (place?.file === index ? [place.line] : [])));
    const found = new Map<number, LineMark>();
    for (const [i, { line }] of lines.entries()) {
      const ran = runs?.get(`${index}:${line}`);
      if (deciding.has(line)) found.set(i, 'decides');
      else if (ran === 0) found.set(i, 'cold');
      if (chosen?.file === index && chosen.line === line) found.set(i, 'chosen');
    }
    const width = Math.max(0, ...lines.map(({ line }) => String(line).length));
    const count = (line: number): string => {
      const ran = runs?.get(`${index}:${line}`);
      return ran === undefined ? '' : ran === 0 ? 'never' : number(ran);
    };
    const counts = lines.map(({ line }) => count(line));
    const widest = Math.max(0, ...counts.map(({ length }) => length));
    return {
      text: lines.map((line) => line.text).join('\n'),
      gutter: lines.map(({ line }, i) => `${counts[i]?.padStart(widest) ?? ''}  ${String(line).padStart(width)}`),
      marks: found,
    };
  }, [file, index, runs, reasons, chosen]);
  const focus = file?.lines.findIndex(({ line }) => chosen?.file === index && line === chosen.line);
  return (
    <section aria-label="Source" className="pane">
      <div className="pane-head">
        {opened.files.length > 1 ? (
          <select aria-label="Source file" value={index} onChange={({ target }) => go({ line: `${target.value}:0` })}>
            {opened.files.map(({ name }, i) => (
              <option key={name} value={i}>
                {baseName(name)}
              </option>
            ))}
          </select>
        ) : (
          <b>{file === undefined ? 'no source' : baseName(file.name)}</b>
        )}
        <span className="note">lines with code{runs === undefined ? '' : '; how often each ran'}</span>
      </div>
      {file === undefined ? (
        <p className="note">The object has no line records: compile it with -g.</p>
      ) : (
        <Suspense fallback={<p className="note">loading…</p>}>
          <CodePane
            label="Source"
            text={text}
            gutter={gutter}
            marks={marks}
            focus={focus}
            onLine={(i) => go({ line: `${index}:${file.lines[i]?.line ?? 0}` })}
          />
        </Suspense>
      )}
    </section>
  );
}

interface BytecodeProps {
  readonly opened: Opened;
  /** Slot of the instruction where a packet is, in place of what the address names. */
  readonly here?: number | undefined;
}

/** Instructions with how often each ran. */
export function Bytecode({ opened, here }: BytecodeProps): ReactElement {
  const { state, go } = useLab();
  const chosen = useChosenLine();
  const { reasons } = state;
  const { rows, text, gutter } = useMemo(() => {
    // Functions have a line of their own.
    const listed = opened.insns.flatMap((insn) => [
      ...(insn.fn === undefined ? [] : [{ text: `${insn.fn}:`, insn: undefined }]),
      { text: `  ${insn.text}`, insn },
    ]);
    const counts = listed.map(({ insn }) => {
      const ran = insn === undefined ? undefined : reasons?.runs[insn.pc];
      return ran === undefined ? '' : ran === 0 ? 'never' : number(ran);
    });
    const widest = Math.max(0, ...counts.map(({ length }) => length));
    return {
      rows: listed,
      text: listed.map((row) => row.text).join('\n'),
      gutter: listed.map(({ insn }, i) => `${counts[i]?.padStart(widest)}  ${insn === undefined ? '' : insn.pc}`),
    };
  }, [opened, reasons]);
  const marks = useMemo(() => {
    const found = new Map<number, LineMark>();
    for (const [i, { insn }] of rows.entries()) {
      if (insn === undefined) continue;
      if (here !== undefined) {
        if (insn.pc === here) found.set(i, 'chosen');
      } else if (insn.place !== undefined && insn.place.file === chosen?.file && insn.place.line === chosen.line)
        found.set(i, 'chosen');
      else if (reasons?.runs[insn.pc] === 0) found.set(i, 'cold');
    }
    return found;
  }, [rows, chosen, here, reasons]);
  const focus = [...marks].find(([, mark]) => mark === 'chosen')?.[0];
  return (
    <CodePane
      label="Bytecode"
      text={text}
      gutter={gutter}
      marks={marks}
      focus={focus}
      onLine={(i) => {
        const place = rows[i]?.insn?.place;
        if (place !== undefined) go({ line: `${place.file}:${place.line}` });
      }}
    />
  );
}

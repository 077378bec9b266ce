/**
 * A list of millions: only rows in sight are there. Browsers refuse elements of tens of millions of pixels, so the
 * scroll bar of a longer list stands for more rows than its pixels could hold.
 */
import { type KeyboardEvent, type ReactElement, useEffect, useRef, useState } from 'react';
import type { PacketRow } from '../lab/index.js';
import { number, Text, Verdict } from './parts.js';
import { useAnswer, useLab } from './use-lab.js';

const rowHeight = 26;
const mostPixels = 8_000_000;
/** Rows above and below those in sight. */
const spare = 12;

interface Props {
  readonly found: Uint32Array;
  /** A packet's index. */
  readonly chosen: number | undefined;
  readonly onChoose: (index: number) => void;
}

export function PacketList({ found, chosen, onChoose }: Props): ReactElement {
  const { state } = useLab();
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(520);
  const inSight = Math.max(1, Math.floor(height / rowHeight));
  const whole = Math.min(mostPixels, found.length * rowHeight);
  const scale = whole <= height ? 0 : Math.max(0, found.length - inSight) / (whole - height);
  const first = Math.max(0, Math.floor(top * scale) - spare);
  const wanted = [...found.subarray(first, first + inSight + 2 * spare)];
  const key = `${state.seconds} ${state.reasons?.packets} ${state.carded?.traces.length} ${wanted[0]} ${wanted.at(-1)} ${wanted.length}`;
  const rows = useKept(useAnswer('rows', { packets: wanted }, wanted.length === 0 ? undefined : key).value);
  const at = chosen === undefined ? -1 : found.indexOf(chosen);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  /** Moves the choice, and what is in sight with it. */
  const choose = (to: number): void => {
    const bounded = Math.max(0, Math.min(found.length - 1, to));
    const index = found[bounded];
    const element = box.current;
    if (index === undefined || element === null) return;
    onChoose(index);
    const from = Math.floor(element.scrollTop * scale);
    if (scale > 0 && (bounded < from || bounded >= from + inSight - 1))
      element.scrollTop = (bounded < from ? bounded : bounded - inSight + 2) / scale;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + inSight,
      PageUp: at - inSight,
      Home: 0,
      End: found.length - 1,
    };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  };
  return (
    <div
      ref={box}
      className="packet-list"
      role="listbox"
      aria-label="Packets"
      tabIndex={0}
      aria-activedescendant={at >= 0 ? `packet-${chosen}` : undefined}
      onScroll={({ currentTarget }) => setTop(currentTarget.scrollTop)}
      onKeyDown={onKeyDown}
    >
      <div className="filler" role="presentation" style={{ height: whole }}>
        {wanted.map((index, i) => (
          <Row
            key={index}
            index={index}
            row={rows.get(index)}
            y={scale === 0 ? (first + i) * rowHeight : top + (first + i - top * scale) * rowHeight}
            position={first + i + 1}
            size={found.length}
            isChosen={index === chosen}
            onChoose={() => onChoose(index)}
          />
        ))}
      </div>
    </div>
  );
}

/** The rows that came last stay until the next ones are there, so that nothing flickers. */
function useKept(rows: readonly PacketRow[] | undefined): ReadonlyMap<number, PacketRow> {
  const kept = useRef<ReadonlyMap<number, PacketRow>>(new Map());
  if (rows !== undefined) kept.current = new Map(rows.map((row) => [row.index, row]));
  return kept.current;
}

interface RowProps {
  readonly index: number;
  readonly row: PacketRow | undefined;
  readonly y: number;
  readonly position: number;
  readonly size: number;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

function Row({ index, row, y, position, size, isChosen, onChoose }: RowProps): ReactElement {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the list's
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and says which row is active
    <div
      role="option"
      id={`packet-${index}`}
      aria-selected={isChosen}
      aria-posinset={position}
      aria-setsize={size}
      className="packet-row"
      style={{ transform: `translateY(${y}px)` }}
      onClick={onChoose}
    >
      <span className="n">{number(index + 1)}</span>
      {row === undefined ? (
        <span />
      ) : (
        <>
          <Verdict name={row.verdict} />
          <span className="n time">{row.time.toFixed(6)}</span>
          <span className="words">
            <Text>{row.summary}</Text>
          </span>
        </>
      )}
    </div>
  );
}

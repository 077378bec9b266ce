/**
 * `jitnic trace -v`: the guards of a trace with their snapshots: where the program was, and what it held that it may
 * still read.
 */
import { formatConstant, isConst, type Value } from '../ir/index.js';
import type { Session, TraceRecord } from '../runtime/index.js';
import { count } from '../text/index.js';
import { guardWords, type RecordedTrace, registersOf, type Snapshot, stackSlots } from '../trace/index.js';
import { lineAt } from '../vm/index.js';

/** A guard and the state in which the interpreter would go on if it failed. */
interface ShownGuard {
  readonly words: string;
  readonly snapshot: Snapshot;
  /** `file.c:12`; undefined without line records. */
  readonly place: string | undefined;
  readonly source: string;
  /** Names of registers and stack bytes, and what they hold. */
  readonly slots: readonly (readonly [string, string])[];
  /** Taken over from the trace's parent. */
  readonly inherited: boolean;
}

/** A constant, a value of the trace's IR, or what already stands in memory. */
function valueName(value: Value | undefined): string {
  if (value === undefined) return 'memory';
  return isConst(value) ? formatConstant(value.imm) : `v${value.id}`;
}

/**
 * Registers and stack bytes of all frames that are still read. Outer frames have their number in front; r10 is the
 * frame pointer, which says nothing.
 */
function slotsOf(trace: RecordedTrace, snapshot: Snapshot): [string, string][] {
  const inner = snapshot.frames.length - 1;
  const prefix = (frame: number): string => (frame === inner ? '' : `frame ${frame} `);
  const slots: [string, string][] = [];
  for (const [frame, shot] of snapshot.frames.entries())
    for (const [r, value] of registersOf(shot).entries())
      if (value !== undefined && r < 10) slots.push([`${prefix(frame)}r${r}`, valueName(value)]);
  for (const { frame, offset, size, value } of stackSlots(trace.history, snapshot))
    slots.push([`${prefix(frame)}fp[${offset}:${size}]`, valueName(value)]);
  return slots;
}

/** The guards in order, those of the parent first: a side trace begins with its parent's. */
function guardsOf(session: Session, trace: RecordedTrace): ShownGuard[] {
  const words = guardWords(trace, session.runtime.names);
  const inherited = trace.start?.guards ?? 0;
  return trace.history.snapshots.map((snapshot, i) => {
    const line = lineAt(snapshot.program.spec.lines, snapshot.pc);
    return {
      words: words[i] ?? '',
      snapshot,
      place: line === undefined ? undefined : `${line.file.replace(/^.*\//, '')}:${line.line}`,
      source: line?.text.trim() ?? '',
      slots: slotsOf(trace, snapshot),
      inherited: i < inherited,
    };
  });
}

/** The guards of one trace; those of its parent only as a count. */
export function snapshotsText(session: Session, record: TraceRecord): string {
  const { trace, parent } = record;
  if (trace === undefined) return '';
  const lines: string[] = [];
  if (trace.start !== undefined) {
    const { step, values, guards } = trace.start;
    lines.push(
      `  side trace of trace ${parent?.id}: from there ${count(guards, 'guard')}, ${count(values, 'value')}, ${count(step, 'instruction')}`,
    );
  }
  for (const [i, guard] of guardsOf(session, trace).entries()) {
    if (guard.inherited) continue;
    const where = guard.place === undefined ? '' : `   ${guard.place}: ${guard.source}`;
    const program = trace.program === guard.snapshot.program ? '' : `${guard.snapshot.program.spec.name}: `;
    const slots = guard.slots.map(([name, value]) => `${name} = ${value}`).join(', ');
    lines.push(`  guard ${i}: ${guard.words}${where}`, `    ${program}insn ${guard.snapshot.pc}: ${slots}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `guards` of a trace in `jitnic.trace/1`. */
export function snapshotsJson(session: Session, record: TraceRecord): unknown[] {
  if (record.trace === undefined) return [];
  return guardsOf(session, record.trace).map(({ words, snapshot, place, source, slots, inherited }) => ({
    condition: words,
    inherited,
    program: snapshot.program.spec.name,
    insn: snapshot.pc,
    ...(place === undefined ? {} : { line: place, source }),
    slots: Object.fromEntries(slots),
  }));
}

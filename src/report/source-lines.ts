/**
 * A trace by source line: what the recorder made of each line that the packet ran through, and what was left of it.
 * Lines stand in the order in which the packet first came to them.
 */
import { type Names, traceLines, type Value } from '../ir/index.js';
import type { ObjectSpec } from '../object/index.js';
import type { RecordedTrace } from '../trace/index.js';
import { lineAt } from '../vm/index.js';

/** A source line with the IR that came of it. */
export interface SourceGroup {
  /** `file.c:12`, or `insn 12` where there are no line records. */
  readonly place: string;
  /** The source line; empty where it is not known. */
  readonly text: string;
  /** IR as recorded, constants left out. */
  readonly before: readonly string[];
  /** IR that the card runs. */
  readonly after: readonly string[];
}

/** The lines that a trace ran through, in the order of first coming. */
export function sourceGroups(object: ObjectSpec, trace: RecordedTrace, names: Names): SourceGroup[] {
  const groups = new Map<string, { place: string; text: string; before: string[]; after: string[] }>();
  const groupOf = (value: Value): { before: string[]; after: string[] } => {
    const { program, pc } = value.origin;
    const line = lineAt(object.programs[program]?.lines ?? [], pc);
    const place = line === undefined ? `insn ${pc}` : `${line.file.replace(/^.*\//, '')}:${line.line}`;
    const key = `${program} ${line === undefined ? pc : place}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { place, text: line?.text.trim() ?? '', before: [], after: [] };
      groups.set(key, group);
    }
    return group;
  };
  for (const { value, text } of traceLines(trace.recorded, names)) groupOf(value).before.push(text);
  for (const { value, text } of traceLines(trace.code.values, names)) groupOf(value).after.push(text);
  return [...groups.values()];
}

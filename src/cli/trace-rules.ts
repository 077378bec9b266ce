/**
 * `jitnic trace --rules`: the traces of a run as one list of ternary rules with priorities, to be put beside the rule
 * tables of others.
 */

import { lengthText, type Rule, ruleFields, ruleTable } from '../condition/index.js';
import { verdictName } from '../platform/index.js';
import type { Session, TraceRecord } from '../runtime/index.js';
import { count, formatTable, wrapWords } from '../text/index.js';
import type { RecordedTrace } from '../trace/index.js';

/** A trace whose recording was kept. */
interface Shown {
  readonly record: TraceRecord;
  readonly recording: RecordedTrace;
}

/** How the table is written. */
export interface RuleFlags {
  /** False: lengths as ternary rows, for a card without range units. */
  readonly lengthRanges?: boolean;
}

/** Traces with recordings; the others have no facts to make rules of. */
function shownTraces(session: Session): Shown[] {
  return session.runtime.traces.flatMap((record) =>
    record.trace === undefined ? [] : [{ record, recording: record.trace }],
  );
}

/** What a rule's trace asks besides what the rule's bits say. */
function besides(record: TraceRecord, { isPartial }: Rule): string[] {
  return record.condition.atoms
    .filter((atom) => isPartial || atom.kind === 'state' || atom.kind === 'residual')
    .map((atom) => atom.text);
}

/** Rules with priorities: the first in the list has the highest, as OpenFlow and TCAM tables count them. */
function* rulesOf(
  session: Session,
  { lengthRanges }: RuleFlags,
): Generator<{ priority: number; rule: Rule; owner: Shown }> {
  const traces = shownTraces(session);
  const rules = ruleTable(
    traces.map(({ recording }) => recording.facts),
    { lengthRanges: lengthRanges !== false },
  );
  for (const [i, rule] of rules.entries())
    yield { priority: rules.length - i, rule, owner: traces[rule.owner] as Shown };
}

/**
 * The rules as a table: a rule without a trace sends its packets to the host. What bits cannot say stands in the last
 * column, to be evaluated after the match.
 */
export function rulesText(session: Session, flags: RuleFlags, width: number): string {
  const rows: (string | number)[][] = [];
  for (const { priority, rule, owner } of rulesOf(session, flags)) {
    const fields = ruleFields(rule, owner.recording.facts, session.runtime.names);
    rows.push([
      priority,
      rule.trace === undefined ? 'host' : verdictName(owner.record.verdict),
      rule.trace === undefined ? '' : `trace ${owner.record.id}`,
      [...fields.map((field) => field.text), lengthText(rule.lengths)].filter((text) => text !== '').join(', ') ||
        'any packet',
      rule.conditional ? besides(owner.record, rule).join(' && ') : '',
    ]);
  }
  const table = formatTable(
    [
      { title: 'priority', align: 'right' },
      { title: 'verdict' },
      { title: 'trace' },
      { title: 'match' },
      { title: 'and, evaluated after the match' },
    ],
    rows,
    '',
    width,
  );
  const text = `${count(rows.length, 'rule')}, the first that matches decides:\n\n${table}`;
  // Joined at the end: programs that hash have thousands of lines.
  const equations = shownTraces(session).flatMap(({ record }) =>
    record.condition.computed.flatMap(({ name, text: equation }) =>
      wrapWords(`trace ${record.id}: ${name} = ${equation}`, Math.max(60, width), '    '),
    ),
  );
  if (equations.length === 0) return text;
  return `${text}${text.endsWith('\n\n') ? '' : '\n'}${equations.join('\n')}`;
}

/** Rows of `rules` in `jitnic.trace/1`. Numbers that may be wider than 53 bits are text. */
export function rulesJson(session: Session, flags: RuleFlags): unknown[] {
  return [...rulesOf(session, flags)].map(({ priority, rule, owner }) => ({
    priority,
    trace: rule.trace === undefined ? null : owner.record.id,
    verdict: rule.trace === undefined ? 'host' : verdictName(owner.record.verdict),
    match: ruleFields(rule, owner.recording.facts, session.runtime.names).map(
      ({ field, offset, width, mask, value }) => ({
        field,
        ...(offset === undefined ? {} : { offset }),
        width,
        mask: `0x${mask.toString(16)}`,
        value: `0x${value.toString(16)}`,
      }),
    ),
    ...(rule.lengths === undefined ? {} : { lengths: rule.lengths }),
    and: rule.conditional ? besides(owner.record, rule) : [],
    ...(rule.conditional && owner.record.condition.computed.length > 0
      ? { computed: Object.fromEntries(owner.record.condition.computed.map(({ name, text }) => [name, text])) }
      : {}),
  }));
}

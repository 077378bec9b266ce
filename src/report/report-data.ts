/** What a report shows, as plain data (`jitnic.report/1`): read off a session once its packets have run. */

import type { AtomKind } from '../condition/index.js';
import type { Names } from '../ir/index.js';
import { type VerdictName, verdictName, verdictNames, xdpMdFields } from '../platform/index.js';
import type { Session, TraceRecord } from '../runtime/index.js';
import { aborts, guardWords } from '../trace/index.js';
import { type ConditionRow, conditionRow } from './condition-rows.js';
import { type GuardNode, guardTree } from './guard-tree.js';
import { type ReportRegion, regionsOf } from './regions.js';
import { type SourceGroup, sourceGroups } from './source-lines.js';
import type { Moment } from './timeline.js';

/** A trace on the page. */
export interface ReportTrace {
  readonly id: number;
  readonly verdict: VerdictName;
  readonly packets: number;
  readonly installs: number;
  readonly condition: string;
  readonly rows: readonly ConditionRow[];
  /** Instructions that the program executes on such a packet. */
  readonly insnsProgram: number;
  readonly insnsCondition: number;
  readonly insnsTrace: number;
  /** Its effects are undone if a late guard fails. */
  readonly transactional: boolean;
  /** Undefined where the code is left out, to keep the page small. */
  readonly lines: readonly SourceGroup[] | undefined;
}

/** A place where recording was given up. */
export interface ReportAbort {
  readonly code: string;
  readonly count: number;
  readonly where: string;
  readonly why: string;
}

/** What became of a run, without what its traces say: that takes longer to put into words than to record. */
export interface RunSummary {
  readonly object: string;
  readonly program: string;
  /** Name of the capture. */
  readonly capture: string;
  readonly packets: number;
  readonly verdicts: Readonly<Record<VerdictName, number>>;
  readonly hits: number;
  readonly misses: number;
  readonly installs: number;
  readonly evictions: number;
  readonly timeline: readonly Moment[];
  readonly aborts: readonly ReportAbort[];
  readonly faults: readonly { readonly text: string; readonly count: number }[];
}

/** All that the page shows. */
export interface ReportData extends RunSummary {
  readonly tree: GuardNode;
  /** Most packets first. */
  readonly traces: readonly ReportTrace[];
  /** Places that several traces share. */
  readonly regions: readonly ReportRegion[];
}

/** What the session does not know. */
export interface ReportOptions {
  readonly capture: string;
  readonly timeline: readonly Moment[];
  /** Traces whose code is shown, of those that decided most packets. Default 24. */
  readonly codeOf?: number | undefined;
}

const defaultCodeOf = 24;

/** The session must have kept its recordings (`keepRecordings`). */
export function reportData(session: Session, options: ReportOptions): ReportData {
  const records = busiestFirst(session);
  const codeOf = options.codeOf ?? defaultCodeOf;
  const names = namesIn(session);
  return {
    ...runSummary(session, options),
    tree: traceTree(session),
    traces: records.map((record, rank) => reportTrace(session, record, rank < codeOf ? names : undefined)),
    regions: regionsOf(session),
  };
}

/** The counts of a run. */
export function runSummary(session: Session, options: ReportOptions): RunSummary {
  const { runtime, program } = session;
  return {
    object: baseName(runtime.machine.object.name),
    program: program.name,
    capture: options.capture,
    packets: runtime.packets,
    verdicts: Object.fromEntries(verdictNames.map((name) => [name, session.verdicts[name]])) as Record<
      VerdictName,
      number
    >,
    hits: runtime.hits,
    misses: runtime.misses,
    installs: runtime.installs,
    evictions: runtime.evictions,
    timeline: options.timeline,
    aborts: [...runtime.abortSites.values()].map(({ site, count }) => ({
      code: site.code,
      count,
      where: `${site.program.spec.name}: insn ${site.pc}`,
      why: `${aborts[site.code]}${site.detail === undefined ? '' : ` (${site.detail})`}`,
    })),
    faults: [...runtime.faults.values()].map(({ text, count }) => ({ text, count })),
  };
}

/** What traces have in common, asked once. */
export function traceTree(session: Session): GuardNode {
  const { names } = session.runtime;
  return guardTree(
    busiestFirst(session).map((record) => ({
      trace: record.id,
      packets: record.packets,
      guards: record.trace === undefined ? [] : guardWords(record.trace, names),
    })),
  );
}

function busiestFirst({ runtime }: Session): TraceRecord[] {
  return [...runtime.traces].sort((a, b) => b.packets - a.packets || a.id - b.id);
}

/** How a trace's code is printed. */
export function namesIn({ runtime }: Session): Names {
  return {
    map: (index) => runtime.names.map(index),
    ctxField: (offset) => `ctx.${xdpMdFields[offset / 4] ?? offset}`,
  };
}

/** A file's name without its folders: a page is shown to others. */
function baseName(path: string): string {
  return path.replace(/^.*[/\\]/, '');
}

/** One trace. `names`: undefined leaves its code out, which is most of a page's bytes. */
export function reportTrace(session: Session, record: TraceRecord, names: Names | undefined): ReportTrace {
  const { condition, trace } = record;
  const shown = trace !== undefined && names !== undefined;
  return {
    id: record.id,
    verdict: verdictName(record.verdict),
    packets: record.packets,
    installs: record.installs,
    condition: condition.text,
    rows: condition.atoms.map(conditionRow).sort((a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind)),
    insnsProgram: record.insnsProgram,
    insnsCondition: record.insnsCondition,
    insnsTrace: record.insnsTrace,
    transactional: trace?.code.transactional === true,
    lines: shown ? sourceGroups(session.runtime.machine.object, trace, names) : undefined,
  };
}

/** What a TCAM can hold first, what needs the card's state last. */
const kindOrder: readonly AtomKind[] = ['ternary', 'range', 'residual', 'state'];

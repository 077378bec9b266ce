/** What `jitnic run` says in the end, as text and as JSON. */

import { type ExitCode, exitCodes } from '../base/index.js';
import type { PathCondition } from '../condition/index.js';
import { summarize } from '../packet/index.js';
import { type VerdictName, verdictName, verdictNames } from '../platform/index.js';
import { placesSaved, regionJson, regionsOf } from '../report/regions.js';
import type { Difference, Session, TraceRecord } from '../runtime/index.js';
import { count, formatNumber, formatShare, formatTable, hex, wrapWords } from '../text/index.js';
import { aborts } from '../trace/index.js';
import type { Io } from './command.js';
import type { RunTime } from './run-packets.js';
import type { Steps } from './steps.js';

/** Traces that the text shows; JSON has them all. */
export const defaultShown = 12;

/**
 * What a run that was not interrupted comes to: 1 where engines differ, 5 where a packet ran out of instructions, else
 * 0.
 */
export function exitCodeOf({ difference, runtime }: Session): ExitCode {
  if (difference !== undefined) return exitCodes.negative;
  return [...runtime.faults.values()].some(({ kind }) => kind === 'steps') ? exitCodes.budget : exitCodes.ok;
}

/** The phase that InterruptedError names: what a path condition says may take long to find. */
export const wording = 'putting conditions into words';

/**
 * {@link runJson} as a step: where Ctrl-C breaks it off it comes without conditions, and where Ctrl-C came before with
 * those that there was time for.
 */
export async function runJsonIn(steps: Steps, session: Session, time: RunTime): Promise<Record<string, unknown>> {
  return (
    (await steps.take(wording, () => runJson(session, time, steps.mayBegin))) ?? runJson(session, time, () => false)
  );
}

/** {@link runText} as a step, in the same way. */
export async function runTextIn(
  steps: Steps,
  session: Session,
  io: Io,
  shownTraces: number = defaultShown,
): Promise<string> {
  return (
    (await steps.take(wording, () => runText(session, io, shownTraces, steps.mayBegin))) ?? runText(session, io, 0)
  );
}

/**
 * Keys of `jitnic.run/1`. Conditions are put into words, which may take long, as long as `mayWord` says so, those of
 * the traces that decided most first; `condition` of the others is null.
 */
export function runJson(session: Session, time: RunTime, mayWord: () => boolean = () => true): Record<string, unknown> {
  const { runtime, verdicts, difference } = session;
  const { fallback } = runtime.host;
  const host = runtime.host.compiles && fallback === undefined ? 'wasm' : 'interp';
  return {
    object: runtime.machine.object.name,
    program: session.program.name,
    packets: runtime.packets,
    seconds: time.seconds,
    cpu_seconds: time.cpuSeconds,
    packets_per_second: rate(runtime.packets, time.seconds),
    engine: runtime.cache === undefined ? host : 'trace',
    host,
    ...(fallback === undefined ? {} : { not_compiled: { insn: fallback.insn, what: fallback.what } }),
    verdicts: Object.fromEntries(verdictNames.map((name) => [name, verdicts[name]])),
    hits: runtime.hits,
    misses: runtime.misses,
    installs: runtime.installs,
    evictions: runtime.evictions,
    refusals: runtime.refusals,
    retired: runtime.retired,
    bypassed: runtime.bypassed,
    side_traces: {
      installs: runtime.counts.sideTraces,
      inherited_insns: runtime.counts.inheritedSteps,
      inherited_values: runtime.counts.inheritedValues,
      inherited_guards: runtime.counts.inheritedGuards,
    },
    aborts: Object.fromEntries(runtime.aborts),
    penalties: {
      misses_waited: runtime.penalties.waited,
      misses_blacklisted: runtime.penalties.refused,
      places_blacklisted: runtime.penalties.blacklisted,
      misses_thrashing: runtime.penalties.thrashed,
    },
    abort_sites: [...runtime.abortSites.values()].map(({ site, count: times }) => ({
      code: site.code,
      detail: site.detail,
      program: site.program.spec.name,
      insn: site.pc,
      count: times,
    })),
    traces: byPackets(session).map((trace) => ({
      id: trace.id,
      parent: trace.parent === undefined ? null : { trace: trace.parent.id, guards: trace.parent.guard },
      ...(mayWord() ? conditionJson(trace.condition) : { condition: null }),
      packets: trace.packets,
      installs: trace.installs,
      verdict: verdictName(trace.verdict),
      insns_program: trace.insnsProgram,
      insns_condition: trace.insnsCondition,
      insns_trace: trace.insnsTrace,
    })),
    places: runtime.cache?.length ?? 0,
    regions: regionsOf(session, mayWord).map(regionJson),
    faults: [...runtime.faults.values()].map((fault) => ({
      what: fault.text,
      count: fault.count,
      packet: fault.packet,
    })),
    ...(session.checked ? { check: difference === undefined ? 'equal' : differenceJson(difference) } : {}),
  };
}

/** What a run without card and recorder has to say: the same keys, and nothing in them. */
export interface HostRun {
  readonly object: string;
  readonly program: string;
  readonly engine: 'kernel';
  readonly packets: number;
  readonly verdicts: Readonly<Record<VerdictName, number>>;
  readonly time: RunTime;
}

/** Keys of `jitnic.run/1` for a run of another engine than ours. */
export function hostRunJson({ object, program, engine, packets, verdicts, time }: HostRun): Record<string, unknown> {
  return {
    object,
    program,
    packets,
    seconds: time.seconds,
    cpu_seconds: time.cpuSeconds,
    packets_per_second: rate(packets, time.seconds),
    engine,
    host: engine,
    verdicts,
    hits: 0,
    misses: packets,
    installs: 0,
    evictions: 0,
    refusals: 0,
    retired: 0,
    bypassed: 0,
    side_traces: { installs: 0, inherited_insns: 0, inherited_values: 0, inherited_guards: 0 },
    aborts: {},
    penalties: { misses_waited: 0, misses_blacklisted: 0, places_blacklisted: 0, misses_thrashing: 0 },
    abort_sites: [],
    traces: [],
    places: 0,
    regions: [],
    faults: [],
  };
}

/** A path condition in words and in figures: `table` is what its ternary rows take. */
function conditionJson({ text, atoms, ternary, computed, table }: PathCondition): Record<string, unknown> {
  return {
    condition: text,
    atoms,
    ternary,
    computed: Object.fromEntries(computed.map((line) => [line.name, line.text])),
    table: { rows: table.rows, key_bits: table.keyBits },
  };
}

/** What `--jobs` did, and what it changes. */
export function jobsText(shares: readonly number[], width: number): string {
  const packets = shares.map((share) => formatNumber(share)).join(' + ');
  const words = `${shares.length} jobs: ${packets} packets. Packets of a flow stay in order, those of different flows do not: what flows share (LRU eviction, ids that are given out, values without atomics) may come out differently from run to run.`;
  return `\n${wrapWords(words, width).join('\n')}\n`;
}

/** Packets a second, whole. */
function rate(packets: number, seconds: number): number {
  return Math.round(packets / Math.max(seconds, 1e-6));
}

/**
 * `1,000,000 packets in 0.301 s: 3,322,259 packets/s (0.310 s of processor time), the start of jitnic left out`: what
 * came before the capture was opened is in neither figure.
 */
export function speedText(packets: number, { seconds, cpuSeconds }: RunTime): string {
  const speed = formatNumber(rate(packets, seconds));
  return `${count(packets, 'packet')} in ${seconds.toFixed(3)} s: ${speed} packets/s (${cpuSeconds.toFixed(3)} s of processor time), the start of jitnic left out`;
}

/** The first difference that `--check` found, with the packet at which it came. */
function differenceJson(difference: Difference): Record<string, unknown> {
  return {
    packet: difference.packet,
    what: difference.what,
    card: difference.card,
    interpreter: difference.interpreter,
    trace: difference.trace?.condition.text,
    data: difference.input?.data,
  };
}

/** Traces by what they decided, the most first; equal ones in the order of their recording. */
function byPackets(session: Session): TraceRecord[] {
  return [...session.runtime.traces].sort((a, b) => b.packets - a.packets || a.id - b.id);
}

/**
 * The summary for a person. `shownTraces`: how many are listed with their conditions, those that `mayWord` lets be put
 * into words; with 0 none are, which is what is left to do after Ctrl-C.
 */
export function runText(
  session: Session,
  io: Io,
  shownTraces: number = defaultShown,
  mayWord: () => boolean = () => true,
): string {
  const { runtime } = session;
  const { packets, hits, misses } = runtime;
  let text = `${io.style.bold(session.program.name)}: ${count(packets, 'packet')}\n\n`;
  text += formatTable(
    [{ title: 'verdict' }, { title: 'packets', align: 'right' }, { title: 'share', align: 'right' }],
    verdictNames.map((name) => [name, session.verdicts[name], formatShare(session.verdicts[name], packets)]),
    '',
    io.width,
  );
  if (runtime.cache !== undefined) {
    text += `\n${count(hits, 'hit')} (${formatShare(hits, packets, 2)}), ${count(misses, 'miss', 'misses')}, ${count(runtime.installs, 'install')}, ${count(runtime.evictions, 'eviction')}${runtime.refusals === 0 ? '' : `, ${count(runtime.refusals, 'refusal')}`}${runtime.retired === 0 ? '' : `, ${formatNumber(runtime.retired)} retired`}${runtime.bypassed === 0 ? '' : `, ${formatNumber(runtime.bypassed)} left to the host`}\n`;
    text += tracesText(session, io, shownTraces, mayWord);
    text += abortsText(session, io);
    text += penaltiesText(session);
  }
  if (runtime.faults.size > 0) {
    text += `\nfaults (ABORTED):\n`;
    for (const fault of runtime.faults.values())
      text += `  ${formatNumber(fault.count)} x, first at packet ${formatNumber(fault.packet)}: ${fault.text.replace(/\n/g, '\n  ')}\n`;
  }
  if (session.difference !== undefined) text += `\n${differenceText(session.difference)}`;
  else if (session.checked)
    text += `\ncheck: equal to the interpreter for every packet, maps included${beside(session)}\n`;
  return text;
}

/** Where traces share places: in how many those are that are on the card now. */
function placesText(session: Session): string {
  const { cache } = session.runtime;
  const sides = placesSaved(session);
  return cache === undefined || sides === 0
    ? ''
    : `, ${formatNumber(cache.length + sides)} of them in ${count(cache.length, 'place')}`;
}

/** What the comparison was about, where packets have another order than that of their arrival. */
function beside({ comparedBeside }: Session): string {
  return comparedBeside === undefined ? '' : `, ${comparedBeside}`;
}

/** Traces as a table whose rows have their conditions below them: those are far wider than a column. */
function tracesText(session: Session, io: Io, shownTraces: number, mayWord: () => boolean): string {
  const traces = byPackets(session);
  if (traces.length === 0) return '';
  const { packets } = session.runtime;
  const distinct = `${count(traces.length, 'distinct trace')}${placesText(session)}`;
  if (shownTraces === 0) return `\n${distinct}\n`;
  let text = `\n${distinct}${traces.length > shownTraces ? `, the ${shownTraces} that decided most` : ''}:\n\n`;
  const shown = traces.slice(0, shownTraces);
  const [head = '', rule = '', ...rows] = formatTable(
    [
      { title: 'packets' },
      { title: 'share', align: 'right' },
      { title: 'verdict' },
      { title: 'insns' },
      { title: 'condition' },
      { title: 'body' },
    ],
    shown.map((trace) => [
      trace.packets,
      formatShare(trace.packets, packets),
      verdictName(trace.verdict),
      trace.insnsProgram,
      trace.insnsCondition,
      trace.insnsTrace,
    ]),
  )
    .trimEnd()
    .split('\n');
  text += `${head}\n${rule}\n`;
  for (const [i, row] of rows.entries()) {
    const words = mayWord() ? (shown[i]?.condition.text ?? '') : 'not put into words';
    const condition = wrap(words, Math.max(30, io.width - 4));
    text += `${row}\n${condition.map((line) => `    ${io.style.cyan(line)}\n`).join('')}`;
  }
  return text;
}

/** Breaks a condition before `&&`, and what is too long for a line by itself at blanks. */
export function wrap(text: string, width: number): string[] {
  return wrapAt(text, ' && ', width).flatMap((line) =>
    line.length <= width ? [line] : wrapWords(line, width, '    '),
  );
}

/** Breaks before the separator, which then begins the next line. */
function wrapAt(text: string, separator: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of text.split(separator)) {
    const next = line === '' ? part : `${line} && ${part}`;
    if (line !== '' && next.length > width) {
      lines.push(line);
      line = `  && ${part}`;
    } else {
      line = next;
    }
  }
  return [...lines, line];
}

/** Where recording was given up, the most frequent place first, with the reason. */
function abortsText(session: Session, io: Io): string {
  const { abortSites } = session.runtime;
  if (abortSites.size === 0) return '';
  const rows = [...abortSites.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ site, count: times }) => [
      times,
      site.code,
      `${site.program.spec.name}: insn ${site.pc}`,
      `${aborts[site.code]}${site.detail === undefined ? '' : ` (${site.detail})`}`,
    ]);
  return `\n${count(rows.length, 'place')} where recording was given up:\n\n${formatTable([{ title: 'aborts' }, { title: 'code' }, { title: 'where' }, { title: 'why' }], rows, '', io.width)}`;
}

/** What was not recorded because of what became of earlier recordings. */
function penaltiesText(session: Session): string {
  const { waited, refused, blacklisted, thrashed } = session.runtime.penalties;
  const parts = [
    ...(waited === 0 ? [] : [`${count(waited, 'miss', 'misses')} at penalised places`]),
    ...(refused === 0 && blacklisted === 0
      ? []
      : [`${formatNumber(refused)} at ${count(blacklisted, 'blacklisted place')}`]),
    ...(thrashed === 0 ? [] : [`${formatNumber(thrashed)} because traces left before they paid`]),
  ];
  return parts.length === 0 ? '' : `\nnot recorded: ${parts.join(', ')}\n`;
}

/** Everything needed to see why. */
function differenceText(difference: Difference): string {
  const { input, trace } = difference;
  const where = difference.packet === 0 ? 'after the last packet' : `packet ${formatNumber(difference.packet)}`;
  let text = `check: ${where}: ${difference.what} differs: ${difference.card} here, ${difference.interpreter} in the interpreter\n`;
  if (input !== undefined) text += `  ${summarize(input.data)}\n  ${hex(input.data)}\n`;
  text += trace === undefined ? '  decided by the host\n' : `  decided by trace ${trace.id}: ${trace.condition.text}\n`;
  return text;
}

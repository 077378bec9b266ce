/** `jitnic trace`: the traces that a capture yields, one by one. */
import { UsageError } from '../base/index.js';
import { formatTrace, type Names } from '../ir/index.js';
import { verdictName, xdpMdFields } from '../platform/index.js';
import { Timeline } from '../report/timeline.js';
import type { Session, TraceRecord } from '../runtime/index.js';
import { count, formatNumber, jsonText, wholeNumber, wrapWords } from '../text/index.js';
import { aborts } from '../trace/index.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { writeOutput } from './files.js';
import { globalsText, gotten, sectionBytes } from './global-flags.js';
import { declareRunFlags, hasCard, openSession, type RunFlags } from './run-options.js';
import { type RunTime, runPackets } from './run-packets.js';
import { exitCodeOf, runJson, wording, wrap } from './run-report.js';
import { Steps } from './steps.js';
import { regionsText } from './trace-regions.js';
import { rulesJson, rulesText } from './trace-rules.js';
import { snapshotsJson, snapshotsText } from './trace-snapshots.js';

/** What `--dump` takes. */
const dumps = ['ir', 'all', 'html', 'json'] as const;

interface Options extends RunFlags {
  readonly dump?: string;
  readonly output?: string;
  readonly rules?: boolean;
  /** False for `--no-length-ranges`; commander sets it to true otherwise. */
  readonly lengthRanges?: boolean;
}

/** Exits as `jitnic run` does. JSON: `jitnic.trace/1`, which has all keys of `jitnic.run/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareRunFlags(command);
    command
      .option(
        '--dump <what>',
        'print more: ir (live code), all (with what was folded away); or instead: html (a page of its own), json (the traces themselves, for `--traces`)',
      )
      .option('-o, --output <file>', 'with `--dump html` or `json`: where to (default stdout)')
      .option('--rules', 'print the traces as one list of ternary rules with priorities')
      .option('--no-length-ranges', 'with --rules: lengths as ternary rows, for a card without range units');
  },
  run: async ([file = '-', program], options, io) => {
    if (options.read === undefined)
      throw new UsageError('no packets: `-r FILE` is missing', {}, 'make some: jitnic gen -w traffic.pcap');
    const { dump } = options;
    if (dump !== undefined && !dumps.some((name) => name === dump))
      throw new UsageError(`nothing to dump is called \`${dump}\``, {}, `dumps: ${dumps.join(', ')}`);
    const isWhole = dump === 'html' || dump === 'json';
    if (options.output !== undefined && !isWhole)
      throw new UsageError('`-o` goes with `--dump html` and `--dump json`');
    if (isWhole && io.flags.json) throw new UsageError(`\`--dump ${dump}\` and \`--json\` exclude each other`);
    if (dump !== undefined && options.rules === true && (isWhole || !io.flags.json))
      throw new UsageError('`--rules` and `--dump` cannot be shown together', {}, 'use one of them, or --json');
    if (options.lengthRanges === false && options.rules !== true)
      throw new UsageError('`--no-length-ranges` goes with `--rules`');
    if (!hasCard(options)) throw new UsageError('without a card there are no traces');
    const session = await openSession(file, program, options, io, {
      keepRecordings: dump !== undefined || options.rules === true || io.flags.verbosity > 0,
    });
    const timeline = new Timeline();
    const { interrupted, time } = await runPackets(session, io, {
      path: options.read,
      limit: wholeNumber('--count', options.count, 1),
      ...(dump === 'html' ? { most: () => 1, each: () => timeline.note(session.runtime) } : {}),
    });
    const steps = new Steps(io, interrupted);
    if (!interrupted) await steps.take('comparing what is left', () => session.finish());
    const { machine } = session.runtime;
    const globals = gotten(machine.object, options, (map) => sectionBytes(machine.maps[map]));
    if (dump === 'html') {
      const { reportText } = await import('./report.js');
      const page = await steps.take('writing the page', () => reportText(session, timeline, options.read ?? '-'));
      if (page !== undefined) await writeOutput(options.output ?? '-', page, io);
    } else if (dump === 'json') {
      await writeOutput(options.output ?? '-', jsonText(session.dumpTraces(), io.flags.pretty), io);
    } else if (io.flags.json) {
      const whole = await steps.take(wording, () => traceJson(session, time, options, io, steps.mayBegin));
      io.json('jitnic.trace/1', {
        ...(whole ?? runJson(session, time, () => false)),
        ...(globals === undefined ? {} : { globals }),
        ...steps.json(),
      });
    } else {
      // A table is minimised as a whole: of a part there is none.
      const isRules = options.rules === true && !interrupted;
      const whole = await steps.take(wording, () =>
        isRules ? rulesText(session, options, io.width) : traceText(session, dump, io, steps.mayBegin),
      );
      io.out(whole ?? headline(session, io));
      if (globals !== undefined) io.out(`\n${globalsText(globals)}`);
      io.out(steps.text());
    }
    return steps.exitCode ?? exitCodeOf(session);
  },
});

/** `jitnic.trace/1`: all of `jitnic.run/1`, and what flags ask for. */
function traceJson(
  session: Session,
  time: RunTime,
  flags: Options,
  io: Io,
  mayWord: () => boolean,
): Record<string, unknown> {
  const { dump, rules } = flags;
  return {
    ...runJson(session, time, mayWord),
    code: dump === undefined ? undefined : codeJson(session),
    guards:
      io.flags.verbosity === 0
        ? undefined
        : session.runtime.traces.map((record) => ({ id: record.id, guards: snapshotsJson(session, record) })),
    rules: rules === true && mayWord() ? rulesJson(session, flags) : undefined,
  };
}

/** What is printed even where Ctrl-C came before any trace could be put into words. */
function headline(session: Session, io: Io): string {
  const { traces, packets } = session.runtime;
  return `${io.style.bold(session.program.name)}: ${count(traces.length, 'trace')} from ${count(packets, 'packet')}\n`;
}

/** Names of maps and context fields in printed IR. */
function namesOf(session: Session): Names {
  return {
    map: (index) => session.runtime.names.map(index),
    ctxField: (offset) => `ctx.${xdpMdFields[offset / 4] ?? offset}`,
  };
}

/** The IR of each trace as lines; empty where the recording is gone. */
function codeJson(session: Session): unknown[] {
  const names = namesOf(session);
  return session.runtime.traces.map(({ id, trace }) => ({
    id,
    ir: trace === undefined ? [] : formatTrace(trace.code, names).split('\n'),
  }));
}

/** All traces in the order of their recording, then the places where recording was given up. */
function traceText(session: Session, dump: string | undefined, io: Io, mayWord: () => boolean): string {
  const { runtime } = session;
  let text = headline(session, io);
  for (const trace of runtime.traces) {
    // After Ctrl-C: the others are counted in the headline.
    if (!mayWord()) break;
    text += `\n${oneTrace(session, trace, dump, io)}`;
  }
  if (mayWord()) text += regionsText(session, io, mayWord);
  for (const { site, count: times } of runtime.abortSites.values()) {
    const detail = site.detail === undefined ? '' : ` (${site.detail})`;
    text += `\n${io.style.yellow('aborted')} ${formatNumber(times)} x: ${site.code}${detail} at ${site.program.spec.name}: insn ${site.pc}: ${aborts[site.code]}`;
  }
  return runtime.abortSites.size > 0 ? `${text}\n` : text;
}

/** A trace: what it saves, its condition, with `-v` its guards, with `--dump` its code. */
function oneTrace(session: Session, trace: TraceRecord, dump: string | undefined, io: Io): string {
  const head = `trace ${trace.id}: ${verdictName(trace.verdict)}, ${count(trace.packets, 'packet')}, ${count(trace.insnsProgram, 'instruction')} -> ${trace.insnsCondition} of condition, ${trace.insnsTrace} of body${trace.trace?.code.transactional === true ? ', transactional' : ''}`;
  const condition = wrap(trace.condition.text, Math.max(60, io.width - 4)).map((line) => `  ${line}`);
  let text = `${wrapWords(head, io.width, '    ').map(io.style.bold).join('\n')}\n${condition.join('\n')}\n`;
  for (const { name, text: equation } of trace.condition.computed) {
    const lines = wrapWords(`${name} = ${equation}`, Math.max(60, io.width - 4), '    ');
    text += lines.map((line) => `    ${line}\n`).join('');
  }
  if (io.flags.verbosity > 0) text += snapshotsText(session, trace);
  const recording = trace.trace;
  if (dump === undefined || recording === undefined) return text;
  const names = namesOf(session);
  const indent = (code: string): string =>
    code
      .split('\n')
      .map((line) => `    ${line}`)
      .join('\n');
  if (dump === 'all')
    text += `  recorded:\n${indent(formatTrace({ values: recording.recorded, transactional: false }, names))}\n  live:\n`;
  text += `${indent(formatTrace(recording.code, names))}\n`;
  return text;
}

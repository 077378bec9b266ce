/** `jitnic cache`: hit rate by size and policy of the trace cache, from one run. */

import { exitCodes, UsageError } from '../base/index.js';
import {
  type AdaptiveSizeOptions,
  type AdmissionRow,
  boundHits,
  type Curve,
  hitCurves,
  type PolicyRow,
  type ReferenceString,
  type Simulated,
  simulate,
} from '../cache/index.js';
import { lineChart } from '../report/index.js';
import { PathRecorder } from '../runtime/index.js';
import { count, formatTable, wholeNumber } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import {
  adaptiveHelp,
  admissionHelp,
  parseAdaptive,
  parseAdmission,
  parsePolicies,
  parseSizes,
} from './cache-options.js';
import { type CliCommand, defineCommand } from './command.js';
import { writeOutput } from './files.js';
import {
  declareInput,
  declareWorld,
  openProgram,
  rejectionHint,
  type SessionFlags,
  worldOptions,
} from './run-options.js';
import { runPackets } from './run-packets.js';
import { Steps } from './steps.js';

interface Options extends SessionFlags {
  readonly sizes?: string;
  readonly bits?: string;
  readonly policies?: string;
  readonly admission?: string;
  readonly adaptive?: string;
  readonly output?: string;
}

/** What is compared. */
interface Experiment {
  readonly unit: 'traces' | 'bits';
  readonly sizes: readonly number[];
  readonly policies: readonly PolicyRow[];
  readonly admission: AdmissionRow | undefined;
  readonly adaptive: AdaptiveSizeOptions | undefined;
}

/** Hits of the packets that ran, by policy and size. */
interface Outcome {
  readonly curves: readonly Curve[];
  /** Hits that no cache of so many match bits exceeds; where these are the unit. */
  readonly bounds: readonly number[] | undefined;
  readonly adapted: readonly { readonly policy: PolicyRow; readonly result: Simulated }[];
}

/** Exit 1 where `--check` finds a difference: then there is no table. JSON: `jitnic.cache/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareInput(command);
    command
      .option('--sizes <list>', 'traces that fit: 1..64, 1,2,4..64, 4..64:4, 1..1024*2 (default 1..64*2)')
      .option('--bits <list>', 'match bits that fit, in place of traces; the same notation')
      .option('--policies <list>', 'which to compare, by name, or all (default all)')
      .option('--admission <name>', admissionHelp)
      .option('--adaptive <bounds>', adaptiveHelp)
      .option('-o, --output <file>', 'also write the curves as an SVG file');
    declareWorld(command);
  },
  run: async ([file = '-', program], options, io) => {
    if (options.read === undefined)
      throw new UsageError('no packets: `-r FILE` is missing', {}, 'make some: jitnic gen -w traffic.pcap');
    if (file === '-' && options.read === '-') throw new UsageError('program and capture cannot both come from stdin');
    if (options.output === '-') throw new UsageError('`-o` takes a file', {}, 'stdout carries the table');
    const experiment = experimentOf(options);
    const opened = await openProgram(file, program, options, io);
    const verdicts = Verdicts.of(opened.object);
    const world = await worldOptions(options, io);
    // One run notes which path each packet took; every size and policy is then simulated on that sequence, which
    // counts what a run with that cache would.
    const recorder = await io.work(
      'making the maps',
      () => new PathRecorder(opened.object, opened.program, { ...world, verdicts }),
    );
    await io.work('verifying', () => verdicts.require(opened.object, opened.program, rejectionHint));
    const limit = wholeNumber('--count', options.count, 1);
    const { interrupted } = await runPackets(recorder.session, io, { path: options.read, limit });
    const steps = new Steps(io, interrupted);
    if (!interrupted && (await io.work('comparing what is left', () => recorder.session.finish())) !== undefined) {
      io.info('check: card and interpreter differ; `jitnic run --check` shows where');
      return exitCodes.negative;
    }
    const { reference } = recorder;
    const outcome = await io.work('comparing policies', () => compare(reference, experiment));
    if (options.output !== undefined) await writeOutput(options.output, chart(reference, experiment, outcome), io);
    if (io.flags.json)
      io.json('jitnic.cache/1', {
        object: opened.object.name,
        program: opened.program.name,
        ...cacheJson(reference, experiment, outcome),
        ...steps.json(),
      });
    else {
      io.out(`${io.style.bold(opened.program.name)}: ${cacheText(reference, experiment, outcome, io.width)}`);
      io.out(steps.text());
    }
    return steps.exitCode ?? exitCodes.ok;
  },
});

/** What the flags ask for, with defaults filled in. Throws UsageError. */
function experimentOf(options: Options): Experiment {
  if (options.sizes !== undefined && options.bits !== undefined)
    throw new UsageError('`--sizes` and `--bits` exclude each other', {}, 'run it twice to have both');
  const sizes =
    options.bits === undefined ? parseSizes('--sizes', options.sizes ?? '1..64*2') : parseSizes('--bits', options.bits);
  return {
    unit: options.bits === undefined ? 'traces' : 'bits',
    sizes,
    policies: parsePolicies(options.policies ?? 'all'),
    admission: parseAdmission(options.admission),
    adaptive: parseAdaptive(options.adaptive),
  };
}

/** Simulates each policy at each size, and the adaptive size if it was asked for. */
function compare(reference: ReferenceString, { unit, sizes, policies, admission, adaptive }: Experiment): Outcome {
  return {
    curves: hitCurves(reference, { sizes, unit, policies, admission }),
    bounds: unit === 'bits' ? sizes.map((bits) => boundHits(reference, bits)) : undefined,
    adapted:
      adaptive === undefined
        ? []
        : policies.map((policy) => ({
            policy,
            result: simulate(reference, { capacity: {}, policy, admission, adaptive }),
          })),
  };
}

/** Packets that no trace can decide, whose recordings were given up: misses at any size. */
function uncacheable(reference: ReferenceString): number {
  return reference.packets - reference.counts().reduce((sum, packets) => sum + packets, 0);
}

/** Keys of `jitnic.cache/1` behind object and program. */
function cacheJson(
  reference: ReferenceString,
  { unit, sizes, admission, adaptive }: Experiment,
  { curves, bounds, adapted }: Outcome,
): Record<string, unknown> {
  const rate = (hits: number): number => (reference.packets === 0 ? 0 : hits / reference.packets);
  return {
    packets: reference.packets,
    paths: reference.paths,
    uncacheable: uncacheable(reference),
    unit,
    sizes,
    admission: admission?.name ?? 'always',
    curves: curves.map(({ policy, hits }) => ({ policy: policy.name, hits, hit_rate: hits.map(rate) })),
    ...(bounds === undefined ? {} : { bound: { hits: bounds, hit_rate: bounds.map(rate) } }),
    ...(adaptive === undefined
      ? {}
      : {
          adaptive: adapted.map(({ policy, result }) => ({
            policy: policy.name,
            hits: result.hits,
            hit_rate: rate(result.hits),
            size: result.size,
          })),
        }),
  };
}

/** The table of hit rates, a row a size and a column a policy, with what has to be known to read it. */
function cacheText(
  reference: ReferenceString,
  experiment: Experiment,
  { curves, bounds, adapted }: Outcome,
  width: number,
): string {
  const { packets, paths } = reference;
  const { unit, sizes, admission, adaptive } = experiment;
  const percent = (hits: number): string => (packets === 0 ? '-' : ((100 * hits) / packets).toFixed(2));
  const right = (title: string): { title: string; align: 'right' } => ({ title, align: 'right' });
  const alone = uncacheable(reference);
  let text = `${count(packets, 'packet')} on ${count(paths, 'path')}`;
  if (alone > 0) text += `, and ${count(alone, 'packet')} that no trace can decide`;
  text += `\n\nhit rate (%) by ${unit === 'traces' ? 'traces' : 'match bits'} that fit`;
  text += `${admission === undefined ? '' : `, admission ${admission.name}`}\n\n`;
  text += formatTable(
    [
      { title: unit === 'traces' ? 'traces' : 'bits' },
      ...curves.map(({ policy }) => right(policy.name)),
      ...(bounds === undefined ? [] : [right('bound')]),
    ],
    sizes.map((size, i) => [
      size,
      ...curves.map(({ hits }) => percent(hits[i] as number)),
      ...(bounds === undefined ? [] : [percent(bounds[i] as number)]),
    ]),
    '',
    width,
  );
  // Each path is missed once, when it is recorded.
  text += `\na cache that holds everything: ${percent(Math.max(0, packets - alone - paths))} %\n`;
  if (bounds !== undefined) text += '`belady` is no optimum where traces differ in size; no cache is above `bound`\n';
  if (adaptive !== undefined) {
    text += `\nsize from ${adaptive.least} to ${adaptive.most} traces, ${adaptive.price} hits per 1,000 packets a place\n\n`;
    text += formatTable(
      [{ title: 'policy' }, right('hit rate (%)'), right('traces at the end')],
      adapted.map(({ policy, result }) => [policy.name, percent(result.hits), result.size]),
      '',
      width,
    );
  }
  return text;
}

/** The curves as SVG, sizes on a logarithmic axis. */
function chart(reference: ReferenceString, { unit, sizes }: Experiment, { curves }: Outcome): string {
  const [first = 1] = sizes;
  const last = Math.max(sizes.at(-1) ?? 1, first + 1);
  const packets = Math.max(1, reference.packets);
  return lineChart({
    title: 'Hit rate of the trace cache',
    x: { label: unit === 'traces' ? 'traces that fit' : 'match bits that fit', scale: 'log', min: first, max: last },
    y: { label: 'hit rate (%)', scale: 'linear', min: 0, max: 100 },
    panels: [
      {
        title: '',
        series: curves.map(({ policy, hits }) => ({
          name: policy.name,
          points: sizes.map((size, i) => [size, (100 * (hits[i] as number)) / packets] as const),
        })),
      },
    ],
  });
}

/** The flags of the trace cache, from text to what a runtime is given: `run`, `trace` and `cache` share them. */
import type { Command } from 'commander';
import { UsageError } from '../base/index.js';
import {
  type AdaptiveSizeOptions,
  type AdmissionRow,
  admissions,
  onlinePolicies,
  type PolicyRow,
  policies,
} from '../cache/index.js';
import { defaultSides, type RuntimeOptions } from '../runtime/index.js';
import { nearest, wholeNumber } from '../text/index.js';
import { flagName } from './flag-name.js';

/** The flags as commander yields them, checked by {@link cacheOptions}. */
export interface CacheFlags {
  readonly cacheSize?: string;
  /** True where no number was given, false for `--no-regions`. */
  readonly regions?: string | boolean;
  readonly cacheBits?: string;
  readonly adaptive?: string;
  readonly policy?: string;
  readonly admission?: string;
  /** False for `--no-penalties`, `--no-assume` and `--no-count-sides`; commander sets them to true otherwise. */
  readonly penalties?: boolean;
  readonly assume?: boolean;
  readonly countSides?: boolean;
  readonly hotloop?: string;
}

// Help texts list the rows of the policy tables, so that a new policy is offered by being there.
const namesOf = (rows: readonly { readonly name: string }[]): string => rows.map(({ name }) => name).join(', ');

/** Declares the flags under a heading of their own. */
export function declareCacheFlags(command: Command): void {
  command
    .optionsGroup('Trace cache:')
    .option('--cache-size <n>', 'places that the card has (default 64)')
    .option('--regions [sides]', regionsHelp)
    .option('--no-regions', 'each trace has a place of its own, as with --cache-bits')
    .option('--cache-bits <n>', 'match bits that the card holds (default any number)')
    .option('--adaptive <bounds>', adaptiveHelp)
    .option('--policy <name>', `who is evicted: ${namesOf(onlinePolicies)} (default lru)`)
    .option('--admission <name>', admissionHelp)
    .option('--no-penalties', 'record every miss, whatever became of earlier recordings')
    .option('--no-assume', 'take no value of a map for a constant that only the control plane changes')
    .option('--no-count-sides', 'join branches on state at once, not when packets have taken both of their sides')
    .option('--hotloop <n>', 'misses at one place before it is recorded (default 1)')
    .optionsGroup('Options:');
}

const regionsHelp = `so many traces that part on what maps hold share a place, any where the card is full (default ${defaultSides})`;
/** Help texts of two flags that `jitnic cache` has as well. */
export const admissionHelp: string = `which recorded traces get a place: ${namesOf(admissions)} (default always)`;
/** Help text of a flag that `jitnic cache` has as well. */
export const adaptiveHelp: string =
  'let the number of traces move: MIN..MAX, or MIN..MAX:PRICE in hits per 1,000 packets';

/**
 * The options of a runtime; what was not given stays undefined, so that the runtime's own defaults hold. Throws
 * UsageError. `hasCard` false: cache flags make no sense.
 */
export function cacheOptions(flags: CacheFlags, hasCard: boolean): RuntimeOptions {
  const given = (['cacheSize', 'regions', 'cacheBits', 'adaptive', 'policy', 'admission'] as const).find(
    (flag) => flags[flag] !== undefined,
  );
  if (!hasCard && given !== undefined)
    throw new UsageError(`\`${flagName(given, flags[given])}\` has no effect without a card`);
  if (flags.adaptive !== undefined && flags.cacheSize !== undefined)
    throw new UsageError('`--adaptive` and `--cache-size` exclude each other');
  if (flags.cacheBits !== undefined && flags.regions !== undefined && flags.regions !== false)
    throw new UsageError('`--regions` and `--cache-bits` exclude each other: the bits of a region are not counted');
  return {
    regions: typeof flags.regions === 'string' ? wholeNumber('--regions', flags.regions, 2) : flags.regions,
    cacheSize: wholeNumber('--cache-size', flags.cacheSize, 1),
    cacheBits: wholeNumber('--cache-bits', flags.cacheBits, 1),
    adaptive: parseAdaptive(flags.adaptive),
    policy: flags.policy === undefined ? undefined : onlinePolicy(flags.policy).name,
    admission: parseAdmission(flags.admission)?.name,
    penalties: flags.penalties,
    assume: flags.assume,
    countSides: flags.countSides,
    hotloop: wholeNumber('--hotloop', flags.hotloop, 1),
  };
}

/** A policy that a card can follow: Belady's knows what comes next, which only a simulation does. */
function onlinePolicy(name: string): PolicyRow {
  const policy = named(policies, 'policy', name, onlinePolicies);
  if (policy.offline) {
    const hint = `compare it with the others: jitnic cache --policies ${policy.name},lru`;
    throw new UsageError(`policy \`${policy.name}\` needs to know the future, which a card does not`, {}, hint);
  }
  return policy;
}

/** The row of `--admission`; undefined where the flag was not given. Throws UsageError for an unknown name. */
export function parseAdmission(name: string | undefined): AdmissionRow | undefined {
  return name === undefined ? undefined : named(admissions, 'admission', name);
}

/** A list of policies by name, or all of them. */
export function parsePolicies(text: string): readonly PolicyRow[] {
  if (text === 'all') return policies;
  const names = text.split(',').map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`\`--policies ${text}\` names \`${twice}\` twice`);
  return names.map((name) => named(policies, 'policy', name));
}

/** The row of that name; else says which one was probably meant, of `offered`. */
function named<Row extends { readonly name: string }>(
  rows: readonly Row[],
  what: string,
  name: string,
  offered: readonly Row[] = rows,
): Row {
  const row = rows.find((candidate) => candidate.name === name);
  if (row !== undefined) return row;
  const names = offered.map((candidate) => candidate.name);
  const near = nearest(name, names);
  const hint = near === undefined ? `one of ${names.join(', ')}` : `did you mean \`${near}\`? All: ${names.join(', ')}`;
  throw new UsageError(`no ${what} \`${name}\``, {}, hint);
}

/**
 * `MIN..MAX` or `MIN..MAX:PRICE`; the price is what a place has to bring in, in hits per 1,000 packets, default 1.
 * Throws UsageError.
 */
export function parseAdaptive(text: string | undefined): AdaptiveSizeOptions | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+)\.\.(\d+)(?::(\d+(?:\.\d+)?))?$/.exec(text);
  const [least, most, price] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3] ?? 1)];
  if (match === null || least < 1 || most <= least || most > largestSize || price <= 0)
    throw new UsageError(
      `\`--adaptive ${text}\` is none`,
      {},
      'two numbers of traces and a price, such as 4..64 or 4..64:2',
    );
  return { least, most, price };
}

/** Bounds of what is asked for by mistake: a size beyond it is a typing error, and more sizes than that take hours. */
const largestSize = 1e9;
const mostSizes = 4096;
const sizeHint = 'such as 16, 1..64, 4..64:4 (in steps), 1..1024*2 (doubling), or several of these with commas';

/**
 * Sizes as `--sizes` and `--bits` take them: `16`, `1..64`, `4..64:4`, `1..1024*2`, joined by commas. Ascending, each
 * once.
 */
export function parseSizes(flag: string, text: string): number[] {
  const sizes = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^\s*(\d+)(?:\.\.(\d+)(?:(:|\*)(\d+))?)?\s*$/.exec(part);
    if (match === null) throw new UsageError(`\`${flag} ${text}\`: \`${part}\` is no size`, {}, sizeHint);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    const step = Number(match[4] ?? 1);
    if (first < 1) throw new UsageError(`\`${flag} ${text}\`: a cache of size 0 holds nothing`, {}, sizeHint);
    if (last < first) throw new UsageError(`\`${flag} ${text}\`: \`${part}\` is empty`, {}, sizeHint);
    if (last > largestSize) throw new UsageError(`\`${flag} ${text}\`: sizes end at ${largestSize}`);
    if (step < (match[3] === '*' ? 2 : 1))
      throw new UsageError(`\`${flag} ${text}\`: \`${part}\` goes nowhere`, {}, sizeHint);
    for (let size = first; size <= last; size = match[3] === '*' ? size * step : size + step) {
      sizes.add(size);
      if (sizes.size > mostSizes)
        throw new UsageError(`\`${flag} ${text}\`: more than ${mostSizes} sizes`, {}, 'leave some out: 1..65536*2');
    }
  }
  return [...sizes].sort((a, b) => a - b);
}

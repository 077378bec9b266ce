/** What `jitnic explore` is to run: its operands and flags as programs and points, each with its task and key. */
import { existsSync } from 'node:fs';
import { InputError, UsageError } from '../base/index.js';
import { type CardDescription, readCard, shippedCard } from '../nic/index.js';
import {
  type Axis,
  type AxisValue,
  cardWith,
  meaningOf,
  mostPoints,
  type Point,
  parseSpace,
  pointsOf,
} from '../sweep/index.js';
import { wholeNumber } from '../text/index.js';
import { openCaptureFile } from './capture-input.js';
import { openCard } from './card-file.js';
import type { Io } from './command.js';
import { digestOf, keyOf } from './explore-journal.js';
import { fileFlags, type PointTask } from './explore-point.js';
import { readInput } from './files.js';
import { flagName } from './flag-name.js';
import { objectOf, readProgramBytes } from './program-file.js';
import { chooseProgram } from './run-options.js';
import type { TimedFlags } from './timed-flags.js';

/** The flags of the command that say what runs. */
export interface PlanFlags extends Omit<TimedFlags, 'read' | 'mapsIn' | 'card' | 'warmUp'> {
  readonly vary?: readonly string[];
  readonly card?: string;
  /** FILE, or PROGRAM=FILE where programs differ. */
  readonly read?: readonly string[];
  readonly mapsIn?: readonly string[];
  readonly warmUp?: string | undefined;
}

/** A point of a program, ready to run. */
export interface Planned {
  readonly program: string;
  readonly point: Point;
  readonly task: PointTask;
  readonly key: string;
}

/** All of a sweep. */
export interface Plan {
  readonly card: string;
  readonly axes: readonly Axis[];
  readonly programs: readonly string[];
  /** In the order of tables. */
  readonly points: readonly Planned[];
}

/** Without a rate packets come as they did in the capture, and all cards that are fast enough look alike. */
const defaultRate = '100%';

/** Packets of a point, the capture begun anew as often as it takes. */
const defaultCount = 100_000;

/**
 * Packets before the clock starts, unless told otherwise: the capture once, so many at most. At the full rate of a
 * port a thousand packets are over before the first trace is on the card.
 */
const mostWarmUp = 10_000;

/** Reads programs, cards and captures. Throws UsageError, InputError, UnsupportedError. */
export async function planSweep(operands: readonly string[], flags: PlanFlags, io: Io): Promise<Plan> {
  const axes = parseSpace(flags.vary ?? []);
  if (axes.length === 0)
    throw new UsageError('nothing to vary', {}, 'such as --vary stages=4..32,lanes=1..8,entries=16..1024');
  const base = flags.card ?? 'pipeline';
  const cards = new Map<AxisValue, CardDescription>();
  const varied = axes.find(({ name }) => name === 'card')?.values;
  if (varied !== undefined && flags.card !== undefined)
    throw new UsageError('`--card` and `--vary card=` exclude each other');
  for (const name of varied ?? [base]) cards.set(name, await openCard(String(name), io));
  const space = new CardSpace(axes, cards);
  const { vary: _, ...rest } = flags;
  const points = pointsOf(axes);
  space.requireValues(points);
  if (points.length * operands.length > mostPoints)
    throw new UsageError(`${operands.length} programs at ${points.length} points are more than ${mostPoints}`);
  const inputs = await Promise.all(operands.map((operand) => inputOf(operand, operands, rest, io)));
  const programs = uniqueNames(inputs.map(({ label }) => label));
  return {
    card: varied === undefined ? base : varied.join(', '),
    axes,
    programs,
    points: inputs.flatMap((input, i) =>
      points.map((point): Planned => {
        const task = taskOf(input, point, space);
        return { program: programs[i] as string, point, task, key: keyOfTask(task, input.digests) };
      }),
    ),
  };
}

/** What an outcome follows from: files by their content, wherever they lie. */
function keyOfTask({ program, card, flags }: PointTask, digests: readonly string[]): string {
  const told = Object.entries(flags).filter(([name]) => !fileFlags.some((flag) => flag === name));
  return keyOf([program, card, told.sort(([a], [b]) => (a < b ? -1 : 1)), digests]);
}

/** The cards of a space by point, and which axis means what on them. */
class CardSpace {
  private readonly axes: readonly Axis[];
  /** By the value of the axis `card`; the only one where that is none. */
  private readonly cards: ReadonlyMap<AxisValue, CardDescription>;

  constructor(axes: readonly Axis[], cards: ReadonlyMap<AxisValue, CardDescription>) {
    this.axes = axes;
    this.cards = cards;
  }

  /** The description of the card at a point, not looked at yet, and the settings of the run. */
  at(point: Point): { readonly card: Record<string, unknown>; readonly settings: Readonly<Record<string, string>> } {
    const card = this.cards.get(point['card'] ?? '') ?? ([...this.cards.values()][0] as CardDescription);
    const set = new Map<string, AxisValue>();
    const settings: Record<string, string> = {};
    for (const { name } of this.axes) {
      const value = point[name] as AxisValue;
      const meaning = meaningOf(name, card);
      const flag = flagOf[name];
      if (meaning.kind === 'parameter') set.set(meaning.path, value);
      else if (flag !== undefined) settings[flag] = String(value);
    }
    return { card: cardWith(card, set), settings };
  }

  /** Throws UsageError for a value with which there is no card, whatever the others are. */
  requireValues(points: readonly Point[]): void {
    for (const { name, values } of this.axes)
      for (const value of values) {
        let first: InputError | undefined;
        const isCard = points.some((point) => {
          if (point[name] !== value) return false;
          try {
            readCard(this.at(point).card, shippedCard);
            return true;
          } catch (error) {
            if (!(error instanceof InputError)) throw error;
            first ??= error;
            return false;
          }
        });
        if (!isCard && first !== undefined)
          throw new UsageError(`\`--vary ${name}=${value}\`: ${first.message}`, {}, first.hint);
      }
  }
}

/** A program with its files. */
interface Input {
  readonly label: string;
  readonly object: Uint8Array;
  readonly file: string;
  readonly program: string | undefined;
  readonly flags: TimedFlags;
  /** Of the contents of all files. */
  readonly digests: readonly string[];
}

async function inputOf(
  operand: string,
  operands: readonly string[],
  { read, mapsIn, card: _, warmUp, ...flags }: Omit<PlanFlags, 'vary'>,
  io: Io,
): Promise<Input> {
  const { file, program } = programOf(operand);
  const own = {
    ...flags,
    read: fileFor('--read', read, operand, operands),
    mapsIn: fileFor('--maps-in', mapsIn, operand, operands),
  };
  if (own.read === undefined) throw new UsageError(`no capture for \`${operand}\``, {}, 'give -r cap.pcap');
  const object = await readProgramBytes(file, io, flags as TimedFlags);
  // Here, so that what is wrong with the object is said once and at once.
  const chosen = chooseProgram(await objectOf(object, file, io, flags as TimedFlags), program, flags as TimedFlags, io);
  const digests = [digestOf(object)];
  for (const flag of fileFlags) {
    const path = (own as TimedFlags)[flag];
    if (path === '-')
      throw new UsageError(`\`${flagName(flag, path)} -\`: stdin can be read once, and points are many`);
    digests.push(path === undefined ? '' : digestOf(await readInput(path, io)));
  }
  const length = { ...own, ...(await lengthOf(own.read, { ...flags, warmUp }, io)) };
  const given = Object.fromEntries(Object.entries(length).filter(([, value]) => value !== undefined));
  return {
    label: chosen.program.name,
    object,
    file,
    program: chosen.program.name,
    flags: given as TimedFlags,
    digests,
  };
}

/** How many packets of a capture run, with a clock and before. */
async function lengthOf(
  read: string,
  { count, loops, warmUp }: Pick<PlanFlags, 'count' | 'loops' | 'warmUp'>,
  io: Io,
): Promise<Pick<TimedFlags, 'count' | 'loops' | 'warmUp'>> {
  const most = wholeNumber('--count', count, 1) ?? defaultCount;
  const capture = await openCaptureFile(read, io);
  let packets = 0;
  for await (const batch of capture.batches()) {
    packets += batch.count;
    if (packets >= most) break;
  }
  if (packets === 0) throw new InputError('the capture has no packets', { file: read });
  const warm = { warmUp: wholeNumber('--warm-up', warmUp, 0) ?? Math.min(packets, mostWarmUp) };
  return loops === undefined ? { ...warm, count: String(most), loops: String(Math.ceil(most / packets)) } : warm;
}

/** `FILE`, or `FILE:PROGRAM`. */
function programOf(operand: string): { readonly file: string; readonly program: string | undefined } {
  const colon = operand.lastIndexOf(':');
  if (colon < 1 || existsSync(operand)) return { file: operand, program: undefined };
  return { file: operand.slice(0, colon), program: operand.slice(colon + 1) };
}

/** The file that a flag names for an operand: `OPERAND=FILE`, else the one for all. */
function fileFor(
  flag: string,
  words: readonly string[] | undefined,
  operand: string,
  operands: readonly string[],
): string | undefined {
  let forAll: string | undefined;
  let own: string | undefined;
  for (const word of words ?? []) {
    const whose = operands.find((each) => word.startsWith(`${each}=`));
    if (whose === operand) own = word.slice(operand.length + 1);
    else if (whose === undefined && forAll !== undefined)
      throw new UsageError(`\`${flag}\` names ${forAll} and ${word} for all programs`, {}, `${operand}=FILE for one`);
    else if (whose === undefined) forAll = word;
  }
  return own ?? forAll;
}

/** Labels of rows: where two programs have one name, they are numbered. */
function uniqueNames(names: readonly string[]): string[] {
  return names.map((name, i) =>
    names.filter((other) => other === name).length === 1
      ? name
      : `${name}#${names.slice(0, i + 1).filter((other) => other === name).length}`,
  );
}

/** Flags of a run that are axes, as commander calls them. */
const flagOf: Readonly<Record<string, keyof TimedFlags>> = {
  policy: 'policy',
  rate: 'rate',
  'host-cores': 'hostCores',
  'host-queue': 'hostQueue',
  'host-cost': 'hostCost',
};

function taskOf({ object, file, program, flags }: Input, point: Point, space: CardSpace): PointTask {
  const { card, settings } = space.at(point);
  return {
    object,
    file,
    program,
    card,
    flags: { rate: defaultRate, ...flags, card: card['name'], ...settings } as TimedFlags,
  };
}

/**
 * What a sweep varies: axes with their values, as `--vary` writes them, and the points of the space that they span.
 *
 *     stages=4..32,lanes=1..8,entries=16..1024,policy=lru|lfu
 *
 * An axis is a parameter of the card by its path or, where that is unambiguous, by the end of it (`front.entries`,
 * `entries`), or a setting of the run (`card`, `policy`, `rate`, ...).
 */
import { UsageError } from '../base/index.js';
import type { CardDescription } from '../nic/index.js';
import { nearest } from '../text/index.js';

/** A value of an axis: a number in the parameter's unit, or a word. */
export type AxisValue = number | string;

/** One thing that is varied; values in the order in which they were given, each once. */
export interface Axis {
  readonly name: string;
  readonly values: readonly AxisValue[];
}

/** A point: one value for each axis, by its name. */
export type Point = Readonly<Record<string, AxisValue>>;

/** What a run takes besides parameters of the card. */
export const runSettings = ['card', 'policy', 'rate', 'host-cores', 'host-queue', 'host-cost'] as const;

/** Axes whose values are words, whatever they look like: a rate of 100G is no number. */
const worded: readonly string[] = ['card', 'policy', 'rate', 'host-cost'];

/** A range without a step is gone through one by one up to so many values, and by doubling beyond. */
const fewValues = 8;

/** Points that one sweep may have: more are a typing error, or days. */
export const mostPoints = 100_000;

const example = 'such as stages=4..32,lanes=1..8,policy=lru|lfu';

/** Axes from the words of `--vary`, joined by commas. Throws UsageError that names the axis. */
export function parseSpace(words: readonly string[]): Axis[] {
  const axes: Axis[] = [];
  for (const word of words.flatMap((text) => text.split(','))) {
    const match = /^\s*([a-z][\w.-]*)\s*=\s*(\S.*?)\s*$/.exec(word);
    if (match === null) throw new UsageError(`\`--vary\`: \`${word}\` is no axis`, {}, `NAME=VALUES, ${example}`);
    const [, name = '', text = ''] = match;
    if (axes.some((axis) => axis.name === name)) throw new UsageError(`\`--vary\` names \`${name}\` twice`);
    axes.push({ name, values: valuesOf(name, text) });
  }
  const points = axes.reduce((product, { values }) => product * values.length, 1);
  if (points > mostPoints)
    throw new UsageError(
      `\`--vary\` spans ${points} points, and a sweep has ${mostPoints} at most`,
      {},
      'double instead of counting (16..1024*2), or vary less at a time',
    );
  return axes;
}

/** `16`, `1..8`, `4..64:4` (in steps), `1..1024*2` (multiplied), words; alternatives with `|`. */
function valuesOf(name: string, text: string): readonly AxisValue[] {
  const values = text.split('|').flatMap((part) => {
    if (worded.includes(name)) return [part.trim()];
    return rangeOf(name, part.trim());
  });
  if (values.includes('')) throw new UsageError(`\`--vary ${name}=${text}\`: a value is missing`, {}, example);
  return [...new Set(values)];
}

function rangeOf(name: string, part: string): readonly AxisValue[] {
  const match = /^(\d+(?:\.\d+)?)(?:\.\.(\d+(?:\.\d+)?)(?:([:*])(\d+(?:\.\d+)?))?)?$/.exec(part);
  if (match === null) return [part];
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last < first) throw new UsageError(`\`--vary\`: \`${name}=${part}\` is empty`, {}, `${last}..${first}`);
  const isFew = last - first < fewValues && Number.isInteger(first);
  const sign = match[3] ?? (isFew ? ':' : '*');
  const step = Number(match[4] ?? (isFew ? 1 : 2));
  if (sign === '*' ? step <= 1 || first === 0 : step <= 0)
    throw new UsageError(
      `\`--vary\`: \`${name}=${part}\` goes nowhere`,
      {},
      'a step as 4..64:4, a factor as 1..1024*2',
    );
  const values: number[] = [];
  for (let i = 0; ; i++) {
    // By index, not by adding up: sums of fractions drift.
    const value = Number((sign === '*' ? first * step ** i : first + step * i).toPrecision(12));
    if (value > last) break;
    values.push(value);
    if (values.length > mostPoints)
      throw new UsageError(`\`--vary\`: \`${name}=${part}\` has more than ${mostPoints} values`);
  }
  return values;
}

/** All points, the last axis fastest: the order of tables and files, whoever ran them. */
export function pointsOf(axes: readonly Axis[]): Point[] {
  return axes.reduce<Point[]>(
    (points, { name, values }) => points.flatMap((point) => values.map((value) => ({ ...point, [name]: value }))),
    [{}],
  );
}

/** A setting of the run, or a parameter of the card. */
export type Meaning = { readonly kind: 'setting' } | { readonly kind: 'parameter'; readonly path: string };

/**
 * What an axis means on a card: the whole path, or the end of one that no other parameter ends in. Throws UsageError
 * with what was probably meant.
 */
export function meaningOf(name: string, card: CardDescription): Meaning {
  if (runSettings.some((setting) => setting === name)) return { kind: 'setting' };
  const paths = [...card.parameters.keys()];
  if (paths.includes(name)) return { kind: 'parameter', path: name };
  const ends = paths.filter((path) => path.endsWith(`.${name}`));
  if (ends.length === 1) return { kind: 'parameter', path: ends[0] as string };
  if (ends.length > 1)
    throw new UsageError(`\`--vary ${name}=\` may be ${ends.join(' or ')}`, {}, 'give the whole path');
  const known = [...runSettings, ...paths, ...paths.map((path) => path.slice(path.lastIndexOf('.') + 1))];
  const near = nearest(name, known);
  throw new UsageError(
    `\`--vary ${name}=\`: card \`${card.name}\` has no such parameter`,
    {},
    near === undefined ? `see jitnic card show ${card.name}` : `did you mean \`${near}\`?`,
  );
}

/** A card as its file would be, with parameters set; {@link readCard} checks what comes out. */
export function cardWith(card: CardDescription, set: ReadonlyMap<string, AxisValue>): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const [path, parameter] of card.parameters) {
    const given = set.get(path);
    const changed =
      given === undefined ? parameter : { ...parameter, value: given, basis: 'assumed', source: 'varied by a sweep' };
    const fields = path.split('.');
    let at = tree;
    for (const field of fields.slice(0, -1)) {
      at[field] ??= {};
      at = at[field] as Record<string, unknown>;
    }
    at[fields.at(-1) as string] = changed;
  }
  return { name: card.name, kind: card.kind, title: card.title, parameters: tree };
}

/**
 * A card as data: a name, a kind, and parameters each of which says its unit, where it is from and how it is known
 * (measured, published, assumed). What may stand there is told in parameters.ts; this reads, checks and asks.
 *
 *     { "name": "mine", "kind": "vliw", "title": "a card of mine",
 *       "parameters": {
 *         "clock": { "value": 200, "unit": "MHz", "basis": "assumed", "source": "a guess" },
 *         "front": { "match": { "value": "none", ... } },
 *         "memories": { "sram": { "size": ... } } } }
 *
 * A file may name a card that it is like, in `like`; then it has only what differs.
 */
import { InputError } from '../base/index.js';
import { nearest } from '../text/index.js';
import {
  type Basis,
  bases,
  type CardKind,
  cardKinds,
  fieldsAt,
  type ParameterRow,
  parameterRow,
  parameterRows,
} from './parameters.js';

/** A parameter's value: a number in its unit, a word, or several. */
export type ParameterValue = number | string | readonly string[];

/** What is said of one parameter. */
export interface Parameter {
  readonly value: ParameterValue;
  /** As the table of parameters has it; left out for words. */
  readonly unit: string;
  readonly basis: Basis;
  /** Paper and section, file, or why it was assumed. */
  readonly source: string;
}

/** Parameters as files nest them. */
export interface ParameterTree {
  readonly [field: string]: Parameter | ParameterTree;
}

/** A card: a value, the same for the same file. Ask for its parameters by {@link numberOf} and {@link wordOf}. */
export interface CardDescription {
  readonly name: string;
  readonly kind: CardKind;
  readonly title: string;
  /** By path (`front.entries`), in the order of the table; memories in the order of the file. */
  readonly parameters: ReadonlyMap<string, Parameter>;
}

/**
 * A card from a tree that is known to be right as far as types can say. It is read when somebody asks for a parameter,
 * which throws InputError where it is not right: whoever loads the library loads all shipped cards and wants one at
 * most.
 */
export function describeCard(name: string, kind: CardKind, title: string, tree: ParameterTree): CardDescription {
  let parameters: ReadonlyMap<string, Parameter> | undefined;
  return {
    name,
    kind,
    title,
    get parameters() {
      parameters ??= readCard({ name, kind, title, parameters: tree }, () => undefined).parameters;
      return parameters;
    },
  };
}

/** A number of the card, in the table's unit; 0 if it does not say. */
export function numberOf(card: CardDescription, path: string): number {
  const value = card.parameters.get(path)?.value;
  return typeof value === 'number' ? value : 0;
}

/** A word of the card; the empty string if it does not say. */
export function wordOf(card: CardDescription, path: string): string {
  const value = card.parameters.get(path)?.value;
  return typeof value === 'string' ? value : '';
}

/** Names of its memories, as the file has them. */
export function memoriesOf(card: CardDescription): readonly string[] {
  const names = [...card.parameters.keys()].filter((path) => path.startsWith('memories.'));
  return [...new Set(names.map((path) => path.split('.')[1] ?? ''))];
}

/**
 * A card from a parsed file. `find` knows the cards that `like` may name. Throws InputError whose message begins with
 * the path of the field at fault; the name of the file is the caller's to add.
 */
export function readCard(value: unknown, find: (name: string) => CardDescription | undefined): CardDescription {
  const file = objectAt(value, '');
  for (const field of Object.keys(file)) known(field, '', ['$schema', 'name', 'like', 'kind', 'title', 'parameters']);
  const name = textAt(file['name'], 'name');
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(name)) wrong('name', 'is not of lower-case letters, digits, `.`, `_`, `-`');
  const like = file['like'] === undefined ? undefined : find(textAt(file['like'], 'like'));
  if (file['like'] !== undefined && like === undefined) wrong('like', `names no card: \`${String(file['like'])}\``);
  const kind = like !== undefined && file['kind'] === undefined ? like.kind : wordAt(file['kind'], 'kind', cardKinds);
  const title = like !== undefined && file['title'] === undefined ? like.title : textAt(file['title'], 'title');
  const found = new Map<string, Parameter>(like?.parameters);
  collect(objectAt(file['parameters'] ?? (like === undefined ? undefined : {}), 'parameters'), '', found);
  const card = { name, kind, title, parameters: inOrder(found) };
  checkWhole(card);
  return card;
}

/** Parameters below `path`, into `found`. Fields that end in a value are parameters, others lead on. */
function collect(tree: Readonly<Record<string, unknown>>, path: string, found: Map<string, Parameter>): void {
  for (const [field, value] of Object.entries(tree)) {
    const at = path === '' ? field : `${path}.${field}`;
    const fields = fieldsAt(path);
    if (fields === undefined) {
      if (!/^[a-z0-9_-]+$/.test(field)) wrong(at, 'is not a name of lower-case letters, digits, `_`, `-`');
    } else known(field, path, fields);
    const row = parameterRow(at);
    if (row === undefined) collect(objectAt(value, at), at, found);
    else found.set(at, parameterAt(objectAt(value, at), at, row));
  }
}

/** One parameter, by its row. */
function parameterAt(value: Readonly<Record<string, unknown>>, at: string, row: ParameterRow): Parameter {
  for (const field of Object.keys(value)) known(field, at, ['value', 'unit', 'basis', 'source']);
  const unit = value['unit'] ?? '';
  if (unit !== row.unit) {
    const wanted = row.unit === '' ? 'it has none' : `\`${row.unit}\` is wanted`;
    wrong(`${at}.unit`, `is \`${String(unit)}\`: ${wanted}`);
  }
  return {
    value: valueAt(value['value'], `${at}.value`, row),
    unit: row.unit,
    basis: wordAt(value['basis'], `${at}.basis`, bases),
    source: textAt(value['source'], `${at}.source`),
  };
}

/** A value of the row's type. */
function valueAt(value: unknown, at: string, { type, words = [], least = 0 }: ParameterRow): ParameterValue {
  switch (type) {
    case 'word':
      return wordAt(value, at, words);
    case 'words':
      if (!Array.isArray(value) || value.length === 0) wrong(at, `is not a list of ${words.join(', ')}`);
      return (value as readonly unknown[]).map((item, i) => wordAt(item, `${at}[${i}]`, words));
    default:
      if (typeof value !== 'number' || !Number.isFinite(value)) wrong(at, 'is not a number');
      if (type === 'integer' && !Number.isSafeInteger(value)) wrong(at, 'is not a whole number');
      if ((value as number) < least) wrong(at, `is below ${least}`);
      return value as number;
  }
}

/** What parameters say together: all that its kind needs, and nothing that contradicts itself. */
function checkWhole(card: CardDescription): void {
  const memories = memoriesOf(card);
  if (memories.length === 0) wrong('memories', 'is missing: a card has at least one');
  for (const row of parameterRows) {
    if (!row.needs.includes(card.kind)) continue;
    const paths = row.path.includes('*') ? memories.map((name) => row.path.replace('*', name)) : [row.path];
    const missing = paths.find((path) => !card.parameters.has(path));
    if (missing !== undefined) wrong(missing, `is missing: ${row.what}${row.unit === '' ? '' : ` (${row.unit})`}`);
  }
  for (const path of ['clock', 'mac.rate', 'link.reads_64'])
    if (numberOf(card, path) === 0) wrong(`${path}.value`, 'is 0');
  const matches = wordOf(card, 'front.match') !== 'none';
  if (matches !== numberOf(card, 'front.entries') > 0)
    wrong(
      'front.entries.value',
      matches ? 'is 0, and there is a match table' : 'is not 0, and there is no match table',
    );
  if (numberOf(card, 'front.key_bits') > 8 * numberOf(card, 'front.parser_depth'))
    wrong('front.key_bits.value', 'is more than the parser reaches');
  if (numberOf(card, 'link.p999') < numberOf(card, 'link.read_64'))
    wrong('link.p999.value', 'is below the median, `link.read_64`');
}

/** In the order of the table; what stands in one memory stays together. */
function inOrder(found: ReadonlyMap<string, Parameter>): ReadonlyMap<string, Parameter> {
  const memories = [...new Set([...found.keys()].flatMap((path) => /^memories\.([^.]+)/.exec(path)?.[1] ?? []))];
  const starredRows = parameterRows.filter((row) => row.path.includes('*'));
  const paths = parameterRows.flatMap((row) => {
    if (!row.path.includes('*')) return [row.path];
    // At the first of these rows, all memories.
    if (row !== starredRows[0]) return [];
    return memories.flatMap((name) => starredRows.map(({ path }) => path.replace('*', name)));
  });
  return new Map(
    paths.flatMap((path): [string, Parameter][] => {
      const parameter = found.get(path);
      return parameter === undefined ? [] : [[path, parameter]];
    }),
  );
}

function objectAt(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  if (value === undefined) wrong(at, 'is missing');
  return wrong(at, 'is not an object');
}

function textAt(value: unknown, at: string): string {
  if (value === undefined) wrong(at, 'is missing');
  if (typeof value !== 'string' || value.trim() === '') wrong(at, 'is not a text');
  return value as string;
}

function wordAt<T extends string>(value: unknown, at: string, words: readonly T[]): T {
  if (value === undefined) wrong(at, `is missing: one of ${words.join(', ')}`);
  if (words.some((word) => word === value)) return value as T;
  const near = nearest(String(value), words);
  const hint = near === undefined ? undefined : `did you mean \`${near}\`?`;
  return wrong(at, `is \`${String(value)}\`, not one of ${words.join(', ')}`, hint);
}

/** Throws for a field that is none, with the one that was meant. */
function known(field: string, path: string, fields: readonly string[]): void {
  if (fields.includes(field)) return;
  const near = nearest(field, fields);
  const hint = near === undefined ? `fields here: ${fields.join(', ')}` : `did you mean \`${near}\`?`;
  wrong(path === '' ? field : `${path}.${field}`, 'is no field of a card', hint);
}

function wrong(at: string, what: string, hint?: string): never {
  throw new InputError(`\`${at === '' ? 'the file' : at}\` ${what}`, {}, hint);
}

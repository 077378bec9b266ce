/**
 * Reads the JSON tables (docs/tables.md): typed fields of objects, with an InputError that names the entry and the
 * field.
 */
import { InputError } from '../base/index.js';

/**
 * One object of a table. Each method reads a field and checks its form; {@link JsonFields.only} refuses the fields
 * that there are not.
 */
export class JsonFields {
  private readonly object: Readonly<Record<string, unknown>>;
  private readonly where: string;
  private readonly file: string | undefined;

  /** `where` names the object: `routes[2]`. Throws InputError when `value` is no object. */
  constructor(value: unknown, where: string, file?: string) {
    this.where = where;
    this.file = file;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new InputError(`${where} must be an object`, { file });
    }
    this.object = value as Record<string, unknown>;
  }

  /** Refuses keys that are not in `known`: a misspelt field would silently change what packets do. */
  only(...known: readonly string[]): this {
    for (const key of Object.keys(this.object)) {
      if (!known.includes(key)) this.fail(`\`${key}\` is no field of it`, `fields: ${known.join(', ')}`);
    }
    return this;
  }

  /** The objects of an array; none if it is absent. */
  list(key: string): JsonFields[] {
    const value = this.object[key];
    if (value === undefined) return [];
    if (!Array.isArray(value)) this.fail(`\`${key}\` must be an array`);
    return (value as readonly unknown[]).map((item, i) => new JsonFields(item, `${key}[${i}]`, this.file));
  }

  texts(key: string): string[] {
    const value = this.object[key] ?? [];
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
      this.fail(`\`${key}\` must be an array of strings`);
    }
    return value as string[];
  }

  text(key: string): string | undefined {
    const value = this.object[key];
    if (value !== undefined && typeof value !== 'string') this.fail(`\`${key}\` must be a string`);
    return value as string | undefined;
  }

  /** One of `choices`; the first if it is absent. */
  choice<T extends string>(key: string, choices: readonly [T, ...T[]]): T {
    const value = this.text(key);
    const found = value === undefined ? choices[0] : choices.find((choice) => choice === value);
    return found ?? this.fail(`\`${key}\` is \`${value}\``, `one of: ${choices.join(', ')}`);
  }

  /** An integer from 0 to `max`; `fallback` if it is absent, an error if that is undefined too. */
  integer(key: string, max: number, fallback?: number): number {
    const value = this.object[key] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
      this.fail(`\`${key}\` must be an integer from 0 to ${max}`);
    }
    return value as number;
  }

  /** An integer from -`max` to `max`. */
  signed(key: string, max: number): number {
    const value = this.object[key];
    if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > max)
      this.fail(`\`${key}\` must be an integer from -${max} to ${max}`);
    return value as number;
  }

  /** Whatever is there; undefined if nothing is. */
  value(key: string): unknown {
    return this.object[key];
  }

  /** An object in this one; undefined if it is absent or null. */
  part(key: string): JsonFields | undefined {
    const value = this.object[key];
    return value === undefined || value === null
      ? undefined
      : new JsonFields(value, `${this.where}: ${key}`, this.file);
  }

  /** Arrays of `length` texts and numbers, in an array; null is an empty one. */
  tuples(key: string, length: number): (readonly (string | number)[])[] {
    const value = this.object[key];
    const isItem = (item: unknown): boolean => typeof item === 'string' || typeof item === 'number';
    const isTuple = (item: unknown): boolean =>
      item === null || (Array.isArray(item) && item.length === length && item.every(isItem));
    if (!Array.isArray(value) || !value.every(isTuple)) this.fail(`\`${key}\` must be an array of arrays of ${length}`);
    return (value as readonly ((string | number)[] | null)[]).map((item) => item ?? []);
  }

  /** Does what throws InputError about a field, which gets the place. */
  attempt<T>(key: string, what: () => T): T {
    try {
      return what();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const { source } = error.place;
      return this.fail(`\`${key}\`: ${source === undefined ? '' : `${source}: `}${error.message}`, error.hint);
    }
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.object[key] ?? fallback;
    if (typeof value !== 'boolean') this.fail(`\`${key}\` must be true or false`);
    return value as boolean;
  }

  /** Parses a field with `parse`, whose InputError gets the place; undefined if the field is absent. */
  parsed<T>(key: string, parse: (text: string) => T): T | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    return this.attempt(key, () => parse(text));
  }

  /** As {@link parsed}, for a field that must be there. */
  required<T>(key: string, parse: (text: string) => T): T {
    const value = this.parsed(key, parse);
    return value === undefined ? this.fail(`\`${key}\` is missing`) : value;
  }

  fail(what: string, hint?: string): never {
    throw new InputError(`${this.where}: ${what}`, { file: this.file }, hint);
  }
}

/**
 * Plain values with the lines that they were written on, whatever language that was, and a reader of their fields that
 * says where a mistake is and what was meant.
 */
import { formatPlace, InputError, UserError } from '../base/index.js';
import { nearestHint } from '../text/index.js';

/** A value; `line` counts from 1 and is 0 where nobody knows. */
export type SourceNode =
  | { readonly kind: 'scalar'; readonly line: number; readonly value: unknown; readonly text: string }
  | { readonly kind: 'list'; readonly line: number; readonly items: readonly SourceNode[] }
  | { readonly kind: 'map'; readonly line: number; readonly fields: readonly SourceField[] };

/** A field of a map, with the line of its name. */
export interface SourceField {
  readonly name: string;
  readonly line: number;
  readonly node: SourceNode;
}

/** A value of JavaScript as a node without lines. */
export function nodeOf(value: unknown): SourceNode {
  if (Array.isArray(value)) return { kind: 'list', line: 0, items: value.map(nodeOf) };
  if (value instanceof Uint8Array)
    return {
      kind: 'scalar',
      line: 0,
      value,
      text: [...value].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
    };
  if (value instanceof RegExp) return { kind: 'scalar', line: 0, value: String(value), text: String(value) };
  if (typeof value !== 'object' || value === null) return { kind: 'scalar', line: 0, value, text: String(value) };
  const given = Object.entries(value).filter(([, field]) => field !== undefined);
  return { kind: 'map', line: 0, fields: given.map(([name, field]) => ({ name, line: 0, node: nodeOf(field) })) };
}

/** The value as JSON has it. */
export function plainOf(node: SourceNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainOf);
  return Object.fromEntries(node.fields.map(({ name, node: field }) => [name, plainOf(field)]));
}

/** Reads nodes of one file; every error has the file's name and a line. */
export class NodeReader {
  private readonly file: string | undefined;

  constructor(file: string | undefined) {
    this.file = file;
  }

  /** Throws InputError at a node's line. */
  fail(line: number, what: string, hint?: string): never {
    throw new InputError(what, this.place(line), hint);
  }

  /** Errors of `body` get the node's line. */
  within<T>(line: number, body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof UserError) || error.place.source !== undefined) throw error;
      throw new InputError(error.message, this.place(line), error.hint);
    }
  }

  /** What reading a file that the node names throws gets the node's line, and says the file after it. */
  async reading<T>(line: number, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof InputError) || this.file === undefined) throw error;
      const where = formatPlace(error.place);
      throw new InputError(where === '' ? error.message : `${where}: ${error.message}`, this.place(line), error.hint);
    }
  }

  private place(line: number): { readonly source?: string; readonly file?: string } {
    if (this.file === undefined) return {};
    return line === 0 ? { file: this.file } : { source: `${this.file}:${line}` };
  }

  /**
   * Fields of a map by name. Throws InputError for another kind of node, for a name that is not in `known` (with the
   * nearest one), and for one that comes twice.
   */
  fields(node: SourceNode, what: string, known: readonly string[]): ReadonlyMap<string, SourceNode> {
    if (node.kind !== 'map') this.fail(node.line, `${what} is no list of fields`, `fields are ${known.join(', ')}`);
    const fields = new Map<string, SourceNode>();
    for (const { name, line, node: field } of node.fields) {
      if (!known.includes(name)) {
        this.fail(line, `${what} has no field \`${name}\``, nearestHint(name, known, 'fields are'));
      }
      if (fields.has(name)) this.fail(line, `${what} has \`${name}\` twice`);
      fields.set(name, field);
    }
    return fields;
  }

  /** Items of a list; a node that is none is a list of one. */
  items(node: SourceNode): readonly SourceNode[] {
    return node.kind === 'list' ? node.items : [node];
  }

  /** Fields of a map with any names. */
  entries(node: SourceNode, what: string): readonly SourceField[] {
    if (node.kind !== 'map') this.fail(node.line, `${what} is no list of names with values`);
    return node.fields;
  }

  /** Text as it was written. */
  text(node: SourceNode, what: string): string {
    if (node.kind !== 'scalar') this.fail(node.line, `${what} is no text`);
    return typeof node.value === 'string' ? node.value : node.text;
  }

  /** `true` or `false`; what other languages take for these is text in YAML. */
  truth(node: SourceNode, what: string): boolean {
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    return this.fail(node.line, `${what} is neither true nor false`);
  }

  /** A whole number from `least` on. */
  whole(node: SourceNode, what: string, least: number): number {
    const value = node.kind === 'scalar' ? Number(node.value) : Number.NaN;
    if (node.kind !== 'scalar' || node.value === '' || !Number.isSafeInteger(value) || value < least)
      this.fail(node.line, `${what} is no whole number from ${least}`);
    return value;
  }

  /** Nanoseconds: a number, or a text with ns, us, ms or s. */
  time(node: SourceNode, what: string): bigint {
    const text = this.text(node, what).trim();
    const match = /^(\d+)(?:\.(\d+))?\s*(ns|us|ms|s)?$/.exec(text);
    const unit = { ns: 0, us: 3, ms: 6, s: 9 }[match?.[3] ?? 'ns'] ?? 0;
    const fraction = match?.[2] ?? '';
    if (match === null || fraction.length > unit)
      this.fail(node.line, `${what}: \`${text}\` is no time`, 'for example 1.5ms, or a number of nanoseconds');
    return BigInt(`${match[1]}${fraction}${'0'.repeat(unit - fraction.length)}`);
  }
}

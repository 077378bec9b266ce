/**
 * What a body of each call may be, as JSON Schema (draft 2020-12). It is not written down a second time: a call reads
 * all its fields before it does anything, so one that is given {@link SchemaFields} tells what it would have read, up
 * to `done()`, and does nothing.
 */
import type { Json, ObjectRef } from '../offload/index.js';
import { calls } from './api.js';
import { Fields } from './fields.js';

type Schema = { readonly [name: string]: Json };

/** Thrown by `done()`: all is known. */
class AllRead extends Error {}

/** What several calls have; the text is in `$defs`. */
const name: Schema = { $ref: '#/$defs/NAME' };
const id: Schema = { $ref: '#/$defs/ID' };
const shared: Schema = {
  NAME: { type: 'string', pattern: '^[\\x21-\\x7e]{1,200}$' },
  ID: { type: 'integer', minimum: 1, maximum: 0xffff_ffff },
};
const hex = (most: number): Schema => ({
  type: 'string',
  pattern: '^(?:[0-9a-f]{2})+$',
  maxLength: 2 * most,
  description: 'bytes in hexadecimal',
});

/** Fields that are there in name only. */
class SchemaFields extends Fields {
  readonly properties: Record<string, Json> = {};
  readonly required: string[] = [];
  private alternatives: Json | undefined;

  constructor() {
    super({});
  }

  private add<T>(field: string, schema: Schema, isRequired: boolean, value: T): T {
    this.properties[field] = schema;
    if (isRequired) this.required.push(field);
    return value;
  }

  override text(field: string): string {
    return this.add(field, name, true, '');
  }

  override optionalText(field: string): undefined {
    return this.add(field, name, false, undefined);
  }

  override word<T extends string>(field: string, words: readonly T[], otherwise?: T): T {
    const fallback = otherwise === undefined ? {} : { default: otherwise };
    return this.add(field, { enum: words, ...fallback }, otherwise === undefined, words[0] as T);
  }

  override words<T extends string>(field: string, words: readonly T[]): readonly T[] {
    return this.add(field, { type: 'array', items: { enum: words }, default: [] }, false, []);
  }

  override flag(field: string): boolean {
    return this.add(field, { type: 'boolean', default: false }, false, false);
  }

  override number(field: string, least: number, most: number, otherwise?: number): number {
    const fallback = otherwise === undefined ? {} : { default: otherwise };
    const schema = { type: 'integer', minimum: least, maximum: most, ...fallback };
    return this.add(field, schema, otherwise === undefined, least);
  }

  override optionalNumber(field: string, least: number, most: number): undefined {
    return this.add(field, { type: 'integer', minimum: least, maximum: most }, false, undefined);
  }

  override bytes(field: string, most: number): Uint8Array {
    return this.add(field, hex(most), true, new Uint8Array(0));
  }

  override optionalBytes(field: string, most: number): undefined {
    return this.add(field, hex(most), false, undefined);
  }

  override base64(field: string): Uint8Array {
    return this.add(field, { type: 'string', contentEncoding: 'base64' }, true, new Uint8Array(0));
  }

  override numbers(field: string): ReadonlyMap<number, number> {
    const schema = { type: 'object', patternProperties: { '^[0-9]{1,3}$': id }, additionalProperties: false };
    return this.add(field, { ...schema, default: {} }, false, new Map<number, number>());
  }

  override ref(): ObjectRef {
    this.alternatives = [{ required: ['id'] }, { required: ['pinned'] }];
    this.optionalRef();
    return { id: 1 };
  }

  override optionalRef(): undefined {
    this.properties['id'] = id;
    this.properties['pinned'] = name;
  }

  override done(): void {
    throw new AllRead();
  }

  schema(): Schema {
    return {
      type: 'object',
      properties: this.properties,
      ...(this.required.length > 0 ? { required: this.required } : {}),
      ...(this.alternatives === undefined ? {} : { oneOf: this.alternatives }),
      additionalProperties: false,
    };
  }
}

/** The schema of one call's body. */
function schemaOf(run: (typeof calls)[number]['run']): Schema {
  const fields = new SchemaFields();
  try {
    // There is no kernel: nothing of it is asked before `done()`.
    run(undefined as never, fields, 0);
  } catch (error) {
    if (!(error instanceof AllRead)) throw error;
  }
  return fields.schema();
}

/** All calls: `GET /v1/schema`, and `schemas/daemon.schema.json`. A body is one of `$defs`, by the call's name. */
export function daemonSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'jitnic.daemon/1',
    title: 'Bodies of the calls of a daemon (jitnic serve), POST /v1/NAME, by name; answers have the keys of -j',
    $defs: {
      ...shared,
      ...Object.fromEntries(calls.map(({ name: call, summary, run }) => [call, { title: summary, ...schemaOf(run) }])),
    },
  };
}

/**
 * What a client sent, field by field: everything that is not as it should be is its mistake, and named. No schema
 * library: a reader a kind of value does, with the bounds where the call is written, and messages in our words.
 *
 * Invariants: a value that a reader returns is within its bounds, so the kernel behind it checks meaning only; a field
 * that no reader asked for is refused, so a misspelt option is never silently left out; `null` is no absent field,
 * except where there is a default.
 */
import { InputError } from '../base/index.js';
import { fromHex, type ObjectRef } from '../offload/index.js';

/** One body. Every reader marks its field as known; {@link done} refuses the rest. */
export class Fields {
  private readonly body: Readonly<Record<string, unknown>>;
  private readonly known = new Set<string>();

  constructor(body: unknown) {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new InputError('the body is no object');
    this.body = body as Record<string, unknown>;
  }

  /** Own fields only: a body that names `constructor` gets nothing of Object's. */
  private take(name: string): unknown {
    this.known.add(name);
    return Object.hasOwn(this.body, name) ? this.body[name] : undefined;
  }

  /** Throws; what was sent is not repeated, since it may be long or binary. */
  private wrong(name: string, wanted: string): never {
    throw new InputError(`\`${name}\`: ${wanted}`);
  }

  /** A name: printable, of at most 200 characters. */
  text(name: string): string {
    return this.optionalText(name) ?? this.wrong(name, 'is missing');
  }

  /** As {@link text}; undefined where it is left out. No blanks: names end up in logs and lines of text. */
  optionalText(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(value))
      this.wrong(name, 'a name of 1 to 200 printable characters is wanted');
    return value as string;
  }

  /** One of `words`; `otherwise` where it is left out, or the field is needed. */
  word<T extends string>(name: string, words: readonly T[], otherwise?: T): T {
    const value = this.take(name) ?? otherwise;
    if (words.some((word) => word === value)) return value as T;
    return this.wrong(name, `one of ${words.join(', ')} is wanted`);
  }

  /** A list of some of `words`; empty where it is left out. */
  words<T extends string>(name: string, words: readonly T[]): readonly T[] {
    const value = this.take(name) ?? [];
    if (Array.isArray(value) && value.every((each) => words.some((word) => word === each))) return value as T[];
    return this.wrong(name, `a list of ${words.join(', ')} is wanted`);
  }

  /** False where it is left out. */
  flag(name: string): boolean {
    const value = this.take(name) ?? false;
    if (typeof value !== 'boolean') this.wrong(name, 'true or false is wanted');
    return value as boolean;
  }

  /** From `least` to `most`, both included; `otherwise` where it is left out, or the field is needed. */
  number(name: string, least: number, most: number, otherwise?: number): number {
    const value = this.take(name) ?? otherwise;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      this.wrong(name, `a whole number from ${least} to ${most} is wanted`);
    return value as number;
  }

  /** As {@link number}; undefined where it is left out. */
  optionalNumber(name: string, least: number, most: number): number | undefined {
    return this.take(name) === undefined ? undefined : this.number(name, least, most);
  }

  /** Bytes in hexadecimal, two lower-case digits each, at least one and at most `most` bytes. */
  bytes(name: string, most: number): Uint8Array {
    return this.optionalBytes(name, most) ?? this.wrong(name, 'is missing');
  }

  /** As {@link bytes}; undefined where it is left out. */
  optionalBytes(name: string, most: number): Uint8Array | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})+$/.test(value) || value.length > 2 * most)
      this.wrong(name, `bytes in hexadecimal are wanted, at most ${most}`);
    return fromHex(value as string);
  }

  /** Bytes in base 64; how many there may be is for the call to say, the body as a whole is bounded. */
  base64(name: string): Uint8Array {
    const value = this.take(name);
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
      this.wrong(name, 'bytes in base 64 are wanted');
    return new Uint8Array(Buffer.from(value as string, 'base64'));
  }

  /** A program or map by its number (u32, from 1) or its pin. Both at once are refused: one is a field too many. */
  ref(): ObjectRef {
    const id = this.optionalNumber('id', 1, 0xffff_ffff);
    return id === undefined ? { pinned: this.text('pinned') } : { id };
  }

  /** As {@link ref}; undefined where neither is there, which asks for all of them. Of both, the number counts. */
  optionalRef(): ObjectRef | undefined {
    const id = this.optionalNumber('id', 1, 0xffff_ffff);
    const pinned = this.optionalText('pinned');
    return id !== undefined ? { id } : pinned === undefined ? undefined : { pinned };
  }

  /** Numbers by index: `{"0": 7}`, as `map idx 0 id 7` of bpftool's command line. */
  numbers(name: string): ReadonlyMap<number, number> {
    const value = this.take(name) ?? {};
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : undefined;
    const isRight = entries?.every(
      ([key, id]) => /^\d{1,3}$/.test(key) && Number.isSafeInteger(id) && (id as number) > 0,
    );
    if (entries === undefined || isRight !== true) this.wrong(name, 'numbers of maps by index are wanted');
    return new Map((entries as [string, number][]).map(([key, id]) => [Number(key), id]));
  }

  /** Throws for a field that nobody asked for. To be called after all readers and before anything is changed. */
  done(): void {
    const extra = Object.keys(this.body).find((name) => !this.known.has(name));
    if (extra !== undefined)
      throw new InputError(`\`${extra.slice(0, 50)}\` is no field here`, {}, `fields: ${[...this.known].join(', ')}`);
  }
}

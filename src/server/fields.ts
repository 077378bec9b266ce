/** What a client sent, field by field: everything that is not as it should be is its mistake, and named. */
import { InputError } from '../base/index.js';
import { fromHex } from '../offload/index.js';

/** One body. Every reader marks its field as known; {@link done} refuses the rest. */
export class Fields {
  private readonly body: Readonly<Record<string, unknown>>;
  private readonly known = new Set<string>();

  constructor(body: unknown) {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new InputError('the body is no object');
    this.body = body as Record<string, unknown>;
  }

  private take(name: string): unknown {
    this.known.add(name);
    return Object.hasOwn(this.body, name) ? this.body[name] : undefined;
  }

  private wrong(name: string, wanted: string): never {
    throw new InputError(`\`${name}\`: ${wanted}`);
  }

  /** A name: printable, of at most 200 characters. */
  text(name: string): string {
    return this.optionalText(name) ?? this.wrong(name, 'is missing');
  }

  optionalText(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(value))
      this.wrong(name, 'a name of 1 to 200 printable characters is wanted');
    return value as string;
  }

  word<T extends string>(name: string, words: readonly T[], otherwise?: T): T {
    const value = this.take(name) ?? otherwise;
    if (words.some((word) => word === value)) return value as T;
    return this.wrong(name, `one of ${words.join(', ')} is wanted`);
  }

  words<T extends string>(name: string, words: readonly T[]): readonly T[] {
    const value = this.take(name) ?? [];
    if (Array.isArray(value) && value.every((each) => words.some((word) => word === each))) return value as T[];
    return this.wrong(name, `a list of ${words.join(', ')} is wanted`);
  }

  flag(name: string): boolean {
    const value = this.take(name) ?? false;
    if (typeof value !== 'boolean') this.wrong(name, 'true or false is wanted');
    return value as boolean;
  }

  number(name: string, least: number, most: number, otherwise?: number): number {
    const value = this.take(name) ?? otherwise;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      this.wrong(name, `a whole number from ${least} to ${most} is wanted`);
    return value as number;
  }

  optionalNumber(name: string, least: number, most: number): number | undefined {
    return this.take(name) === undefined ? undefined : this.number(name, least, most);
  }

  /** Bytes in hexadecimal. */
  bytes(name: string, most: number): Uint8Array {
    return this.optionalBytes(name, most) ?? this.wrong(name, 'is missing');
  }

  optionalBytes(name: string, most: number): Uint8Array | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})+$/.test(value) || value.length > 2 * most)
      this.wrong(name, `bytes in hexadecimal are wanted, at most ${most}`);
    return fromHex(value as string);
  }

  /** Bytes in base 64. */
  base64(name: string): Uint8Array {
    const value = this.take(name);
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
      this.wrong(name, 'bytes in base 64 are wanted');
    return new Uint8Array(Buffer.from(value as string, 'base64'));
  }

  /** Numbers by index: `{"0": 7}`. */
  numbers(name: string): ReadonlyMap<number, number> {
    const value = this.take(name) ?? {};
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : undefined;
    const isRight = entries?.every(
      ([key, id]) => /^\d{1,3}$/.test(key) && Number.isSafeInteger(id) && (id as number) > 0,
    );
    if (entries === undefined || isRight !== true) this.wrong(name, 'numbers of maps by index are wanted');
    return new Map((entries as [string, number][]).map(([key, id]) => [Number(key), id]));
  }

  /** Throws for a field that nobody asked for. */
  done(): void {
    const extra = Object.keys(this.body).find((name) => !this.known.has(name));
    if (extra !== undefined)
      throw new InputError(`\`${extra.slice(0, 50)}\` is no field here`, {}, `fields: ${[...this.known].join(', ')}`);
  }
}

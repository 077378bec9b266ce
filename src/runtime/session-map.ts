/**
 * A map of a session as JavaScript sees it: keys and values by their BTF types (vm/btf-value.ts), as bytes where the
 * object says nothing about them. Reads and writes go the way of bpf(2) between two packets; with `check` on both
 * sides.
 */
import { InputError, UserError } from '../base/index.js';
import type { Btf, MapSpec } from '../object/index.js';
import { errno, errnoName, isPercpuMap } from '../platform/index.js';
import { type BpfMap, decodeTyped, encodeTyped, isTyped, type Machine, type TypedValue } from '../vm/index.js';

/** When an update is to succeed: always, only for a new key, only for one that is there. */
export type UpdateMode = 'any' | 'new' | 'existing';

const flagsOf: Readonly<Record<UpdateMode, bigint>> = { any: 0n, new: 1n, existing: 2n };

/** What a refusal by the map means, and what there is to do. */
const reasons: Readonly<Record<number, readonly [what: string, hint: string]>> = {
  [errno.E2BIG]: [
    'it is full, or there is no such index',
    'delete elements first, or open the session with `mapEntries`',
  ],
  [errno.ENOSPC]: ['it is full', 'delete elements first, or open the session with `mapEntries`'],
  [errno.EPERM]: ['it is read-only for user space', 'constants are set in the object, before it is loaded'],
  [errno.EEXIST]: ['the key is there already', 'leave `new` out, or take `existing`'],
  [errno.ENOENT]: ['there is no such key', 'leave `existing` out, or set it first'],
  [errno.EINVAL]: ['this type of map does not do that', 'docs/maps.md has what each type does'],
  [errno.EBADF]: ['there is no such program or map', 'give the name of a program or map of the object'],
  [errno.EOPNOTSUPP]: ['this type of map does not do that', 'docs/maps.md has what each type does'],
  [errno.ENOTSUPP]: ['this type of map does not do that', 'docs/maps.md has what each type does'],
};

/** A map of a session; made by {@link Session.map}. Holds nothing itself: every call asks the map. */
export class SessionMap implements Iterable<readonly [TypedValue, TypedValue]> {
  /** Name, type, sizes in bytes, and how many elements it can hold. */
  readonly spec: MapSpec;
  private readonly machines: readonly Machine[];
  private readonly map: BpfMap;

  /** `machines`: the first is read, all are written. Made by {@link Session.map}. @internal */
  constructor(machines: readonly [Machine, ...Machine[]], map: BpfMap) {
    this.machines = machines;
    this.map = map;
    this.spec = map.spec;
  }

  /**
   * The value of a key, undefined where there is none. Of a per-CPU map an array with a value for each CPU. Arrays
   * have every index below their size; a program array's value is the program's name, a map of maps' that of the inner
   * map. Throws InputError for what is no key of this map.
   */
  get(key: TypedValue): TypedValue | undefined {
    const found = this.map.lookupElem(this.keyBytes(key));
    if (typeof found !== 'number') return this.valueFrom(found);
    if (found === -errno.ENOENT) return undefined;
    throw this.refusal(found);
  }

  /** Is the key there? Throws as {@link get} does. */
  has(key: TypedValue): boolean {
    return this.get(key) !== undefined;
  }

  /**
   * Sets a key's value. Of a per-CPU map `value` is an array with one for each CPU. `mode`: default `any`. Throws
   * InputError naming map, member and range for what the types do not take, and where the map refuses (full,
   * read-only, key there or not).
   */
  set(key: TypedValue, value: TypedValue, mode: UpdateMode = 'any'): this {
    this.write(this.keyBytes(key), this.valueBytes(value), flagsOf[mode]);
    return this;
  }

  /** Deletes a key; false if it was not there. Elements of arrays cannot be deleted: throws InputError. */
  delete(key: TypedValue): boolean {
    const bytes = this.keyBytes(key);
    const [result = 0] = this.machines.map((machine) => this.mapOf(machine).deleteElem(bytes));
    if (result === -errno.ENOENT) return false;
    if (result !== 0) throw this.refusal(result);
    return true;
  }

  /** Queues, stacks and bloom filters: adds a value. Throws InputError where it is full, and for other types. */
  push(value: TypedValue): this {
    if (this.spec.keySize !== 0) throw this.refusal(-errno.EOPNOTSUPP);
    this.write(new Uint8Array(0), this.valueBytes(value), 0n);
    return this;
  }

  /** Queues and stacks: takes the next value off; undefined where it is empty. */
  pop(): TypedValue | undefined {
    if (this.spec.keySize !== 0) throw this.refusal(-errno.EOPNOTSUPP);
    const [taken = -errno.ENOENT] = this.machines.map((machine) =>
      this.mapOf(machine).lookupAndDeleteElem(new Uint8Array(0)),
    );
    if (typeof taken !== 'number') return this.valueFrom(taken);
    if (taken === -errno.ENOENT) return undefined;
    throw this.refusal(taken);
  }

  /** How many elements there are; of an array its size. Counts them, so it takes as long as going through them. */
  get size(): number {
    let size = 0;
    for (const _ of this.map.entries()) size++;
    return size;
  }

  /** Keys and values in the kernel's order; what the loop itself deletes is gone, what it adds may or may not come. */
  *entries(): IterableIterator<readonly [key: TypedValue, value: TypedValue]> {
    for (const { key, value } of this.map.entries()) yield [this.keyFrom(key), this.valueFrom(value)];
  }

  /** As {@link entries}, the keys alone. */
  *keys(): IterableIterator<TypedValue> {
    for (const { key } of this.map.entries()) yield this.keyFrom(key);
  }

  /** As {@link entries}, the values alone. */
  *values(): IterableIterator<TypedValue> {
    for (const { value } of this.map.entries()) yield this.valueFrom(value);
  }

  [Symbol.iterator](): IterableIterator<readonly [TypedValue, TypedValue]> {
    return this.entries();
  }

  private get btf(): Btf | undefined {
    return this.machines[0]?.object.btf;
  }

  /** Updates all machines; they answer alike, so the first answer is told. */
  private write(key: Uint8Array, value: Uint8Array, flags: bigint): void {
    const [result = 0] = this.machines.map((machine) => this.mapOf(machine).updateElem(key, value, flags));
    if (result !== 0) throw this.refusal(result);
  }

  private mapOf(machine: Machine): BpfMap {
    return machine.maps[this.map.index] as BpfMap; // all machines are of one object
  }

  /** A key in bytes. Throws InputError for one that does not fit its type. */
  private keyBytes(key: TypedValue): Uint8Array {
    const { spec } = this;
    if (spec.keySize === 0)
      throw new InputError(`map \`${spec.name}\`: a ${spec.type} has no keys`, {}, 'use push() and pop()');
    return this.within(() => this.encode(key, spec.btfKeyId, spec.keySize, 'key'));
  }

  private keyFrom(bytes: Uint8Array): TypedValue {
    return this.decode(bytes, this.spec.btfKeyId, this.spec.keySize);
  }

  /** A value in bytes: of per-CPU maps an array of values, each padded to 8 bytes as bpf(2) has it. */
  private valueBytes(value: TypedValue): Uint8Array {
    const { spec } = this;
    const one = (item: unknown, path: string): Uint8Array => this.encode(item, spec.btfValueId, spec.valueSize, path);
    return this.within(() => {
      if (!isPercpuMap(spec.type)) return this.referenceOf(value) ?? one(value, 'value');
      const { cpus } = this.machines[0] as Machine; // there is one
      if (!Array.isArray(value) || value.length !== cpus)
        throw new InputError('value: not one for each CPU', {}, `give an array of ${cpus}`);
      const stride = Math.ceil(spec.valueSize / 8) * 8;
      const all = new Uint8Array(stride * cpus);
      for (const [cpu, item] of value.entries()) all.set(one(item, `value[${cpu}]`), cpu * stride);
      return all;
    });
  }

  /** Bytes as a value, the same way back. */
  private valueFrom(bytes: Uint8Array): TypedValue {
    const { spec } = this;
    if (!isPercpuMap(spec.type)) return this.nameOf(bytes) ?? this.decode(bytes, spec.btfValueId, spec.valueSize);
    const stride = Math.ceil(spec.valueSize / 8) * 8;
    return Array.from({ length: bytes.length / stride }, (_, cpu) =>
      this.decode(bytes.subarray(cpu * stride, cpu * stride + spec.valueSize), spec.btfValueId, spec.valueSize),
    );
  }

  /** Programs and maps by name, in maps that hold them: what stands for them is their number from 1. */
  private names(): readonly string[] | undefined {
    const [machine] = this.machines;
    if (this.spec.type === 'prog_array') return machine?.object.programs.map(({ name }) => name);
    if (this.spec.type === 'array_of_maps' || this.spec.type === 'hash_of_maps')
      return machine?.maps.map(({ spec }) => spec.name);
    return undefined;
  }

  /** Of maps that hold programs or maps, the name of what a slot holds: numbers from 1. */
  private nameOf(bytes: Uint8Array): string | undefined {
    return this.names()?.[(bytes[0] ?? 0) + 256 * (bytes[1] ?? 0) - 1];
  }

  private referenceOf(value: TypedValue): Uint8Array | undefined {
    const names = this.names();
    if (names === undefined || typeof value !== 'string') return undefined;
    const number = names.indexOf(value) + 1;
    if (number === 0) throw new InputError(`value: there is no \`${value}\``, {}, `there are ${names.join(', ')}`);
    return Uint8Array.of(number & 255, number >> 8, 0, 0);
  }

  /** By BTF where the type is known, else a copy of the bytes. */
  private decode(bytes: Uint8Array, type: number, size: number): TypedValue {
    const { btf } = this;
    return btf !== undefined && isTyped(btf, type, size) ? decodeTyped(btf, type, bytes) : bytes.slice();
  }

  /** The way back. Bytes are taken as they are if there are as many as it takes. */
  private encode(value: unknown, type: number, size: number, path: string): Uint8Array {
    const { btf } = this;
    const isBytes = value instanceof Uint8Array;
    if (isBytes && value.length === size) return value;
    if (!isBytes && btf !== undefined && isTyped(btf, type, size)) return encodeTyped(btf, type, value, path);
    if (isBytes) throw new InputError(`${path}: ${value.length} bytes`, {}, `it takes ${size}`);
    return encodeUntyped(value, size, path);
  }

  /** Errors of `body` get the map's name in front. */
  private within<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new InputError(`map \`${this.spec.name}\`: ${error.message}`, error.place, error.hint);
    }
  }

  /** The map's error number in words, with what to do. */
  private refusal(result: number): InputError {
    const [what, hint] = reasons[-result] ?? ['the map refuses it', undefined];
    return new InputError(`map \`${this.spec.name}\`: ${what} (${errnoName(result)})`, {}, hint);
  }
}

/** Keys and values of which the object has no type: bytes, or a number that fills them, little endian. */
function encodeUntyped(value: unknown, size: number, path: string): Uint8Array {
  const isNumber = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
  if (!isNumber || ![1, 2, 4, 8].includes(size))
    throw new InputError(`${path}: the object has no BTF type for it`, {}, `give a Uint8Array of ${size} bytes`);
  const number = BigInt(value);
  if (number < -(1n << BigInt(8 * size - 1)) || number >= 1n << BigInt(8 * size))
    throw new InputError(`${path}: ${number} does not fit in ${size} bytes`);
  return Uint8Array.from({ length: size }, (_, i) => Number((BigInt.asUintN(64, number) >> BigInt(8 * i)) & 0xffn));
}

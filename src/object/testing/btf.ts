/** Writes BTF for tests, a type at a time; ids count from 1. */
import { Strings, words } from './elf.js';

/** Types in the order in which they are added; nothing is checked, so that damaged input can be made. */
export class BtfInput {
  readonly strings: Strings = new Strings();
  private readonly parts: Uint8Array[] = [];

  /** Any type: name, kind, vlen, size or type, what follows, kind flag. Returns its id. */
  add(
    name: string,
    kind: number,
    vlen: number,
    sizeOrType: number,
    rest: readonly number[] = [],
    flag = false,
  ): number {
    const info = ((flag ? 0x80000000 : 0) | (kind << 24) | vlen) >>> 0;
    return this.parts.push(words(this.strings.add(name), info, sizeOrType, ...rest));
  }

  int(name: string, size: number, signed = false): number {
    return this.add(name, 1, 0, size, [(signed ? 0x1000000 : 0) | (size * 8)]);
  }

  ptr(type: number): number {
    return this.add('', 2, 0, type);
  }

  array(type: number, length: number, index = 1): number {
    return this.add('', 3, 0, 0, [type, index, length]);
  }

  /** Members as name, type, bit offset, and the size of a bitfield. */
  composite(
    kind: 'struct' | 'union',
    name: string,
    size: number,
    members: readonly (readonly [string, number, number, number?])[],
  ): number {
    const bitfields = members.some((member) => member[3] !== undefined);
    const rest = members.flatMap(([member, type, offset, bits = 0]) => [
      this.strings.add(member),
      type,
      ((bits << 24) | offset) >>> 0,
    ]);
    return this.add(name, kind === 'struct' ? 4 : 5, members.length, size, rest, bitfields);
  }

  struct(name: string, size: number, members: readonly (readonly [string, number, number, number?])[]): number {
    return this.composite('struct', name, size, members);
  }

  enum(name: string, values: readonly (readonly [string, number])[]): number {
    return this.add(
      name,
      6,
      values.length,
      4,
      values.flatMap(([value, n]) => [this.strings.add(value), n]),
    );
  }

  typedef(name: string, type: number): number {
    return this.add(name, 8, 0, type);
  }

  bytes(): Uint8Array {
    const strings = this.strings.bytes();
    const types = this.parts.reduce((sum, part) => sum + part.length, 0);
    const file = new Uint8Array(24 + types + strings.length);
    file.set(words(0x0001eb9f, 24, 0, types, types, strings.length));
    let at = 24;
    for (const part of this.parts) {
      file.set(part, at);
      at += part.length;
    }
    file.set(strings, at);
    return file;
  }
}

/** `.BTF.ext` with CO-RE relocations of one section: slot, type id, access, kind. */
export function coreExt(
  strings: Strings,
  section: string,
  relos: readonly (readonly [number, number, string, number])[],
): Uint8Array {
  const body = words(
    16,
    strings.add(section),
    relos.length,
    ...relos.flatMap(([slot, type, access, kind]) => [slot * 8, type, strings.add(access), kind]),
  );
  const file = new Uint8Array(32 + body.length);
  file.set(words(0x0001eb9f, 32, 0, 0, 0, 0, 0, body.length));
  file.set(body, 32);
  return file;
}

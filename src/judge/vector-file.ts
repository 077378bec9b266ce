/**
 * Vectors of the public bpf_conformance suite. A `.data` file is line oriented; text after `#` is a comment, a line
 * that begins with `--` opens a section, named by its first word:
 *
 *     asm     the program in uBPF syntax
 *     raw     the program, one 64-bit number an instruction; preferred when both are there, since it is exact
 *     map     a line a map: name, type number, key size, value size, entries
 *     mem     hex bytes that r1 points to; r2 is their number
 *     result  r0 at the end, unsigned 64-bit
 *     error   the program must be refused or stopped; the text says how uBPF words it
 *
 * Other sections (`c`, `no register offset`) are notes for people.
 */
import { InputError } from '../base/index.js';
import { assembleRaw, assembleUbpf, type Insn } from '../isa/index.js';
import { type MapSpec, mapSpec } from '../object/index.js';
import { helperNumber, mapTypeNames } from '../platform/index.js';

/** A program with what it is to return. */
export interface Vector {
  readonly kind: 'vector';
  readonly insns: readonly Insn[];
  readonly maps: readonly MapSpec[];
  readonly memory: Uint8Array | undefined;
  /** r0. With `error` beside it either will do, as in the suite's own runner. At least one is there. */
  readonly result: bigint | undefined;
  /** Present, possibly empty, if an error is expected. */
  readonly error: string | undefined;
}

/** A file with nothing to run or nothing to expect, which the suite's own runner passes over too. */
export interface IncompleteVector {
  readonly kind: 'incomplete';
  readonly what: string;
}

/** Reads a `.data` file. Throws InputError with the line for text that cannot be read. */
export function parseVector(text: string, file: string): Vector | IncompleteVector {
  const sections = splitSections(text);
  const content = (name: string): string | undefined => {
    const found = sections.get(name)?.trim();
    return found === '' ? undefined : found;
  };
  const result = content('result');
  // An empty error section beside a result says nothing.
  const error = content('error') ?? (result === undefined && sections.has('error') ? '' : undefined);
  if (result === undefined && error === undefined)
    return { kind: 'incomplete', what: 'it has neither a result nor an error to expect' };
  const maps = (content('map') ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => parseMap(line, file));
  const raw = content('raw');
  const names = {
    helper: helperNumber,
    map: (name: string): number | undefined => indexOf(maps, name),
  };
  const insns = raw === undefined ? assembleUbpf(sections.get('asm') ?? '', names, file) : assembleRaw(raw, file);
  if (insns.length === 0) return { kind: 'incomplete', what: 'it has no program' };
  const mem = content('mem');
  return {
    kind: 'vector',
    insns,
    maps,
    memory: mem === undefined ? undefined : parseHex(mem, file),
    result: result === undefined ? undefined : parseResult(result, file),
    error,
  };
}

/**
 * Section name -> its lines without comments. Lines of other sections stay as empty lines, so that an error's line
 * number is the file's.
 */
function splitSections(text: string): Map<string, string> {
  const sections = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const [number, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = raw.replace(/#.*/, '').trimEnd();
    const header = /^\s*--+\s*([A-Za-z_]+)/.exec(line);
    if (header !== null) {
      const name = (header[1] ?? '').toLowerCase();
      current = sections.get(name) ?? [];
      sections.set(name, current);
      continue;
    }
    if (current === undefined || line === '') continue;
    while (current.length < number) current.push('');
    current.push(line);
  }
  return new Map([...sections].map(([name, lines]) => [name, lines.join('\n')]));
}

/**
 * Hex bytes between blanks or commas: one digit or any number of pairs each, with or without `0x`. Throws InputError.
 */
export function parseHex(text: string, file: string): Uint8Array {
  const words = text.split(/[\s,]+/).map((word) => word.replace(/^0x/i, ''));
  const digits = words.map((word) => (word.length === 1 ? `0${word}` : word)).join('');
  const odd = words.find((word) => !/^([0-9a-fA-F]|([0-9a-fA-F]{2})*)$/.test(word));
  if (odd !== undefined) throw new InputError(`malformed hex bytes \`${shorten(odd)}\``, { file });
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function shorten(text: string): string {
  return text.length > 20 ? `${text.slice(0, 20)}...` : text;
}

/** Decimal or hexadecimal, negative ones as 64-bit two's complement. */
function parseResult(text: string, file: string): bigint {
  if (!/^-?(0x[0-9a-f]+|[0-9]+)$/i.test(text)) throw new InputError(`malformed result \`${text}\``, { file });
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  return BigInt.asUintN(64, value);
}

function indexOf(maps: readonly MapSpec[], name: string): number | undefined {
  const index = maps.findIndex((map) => map.name === name);
  return index < 0 ? undefined : index;
}

/** `NAME TYPE KEY VALUE ENTRIES`. */
function parseMap(line: string, file: string): MapSpec {
  const [name = '', ...numbers] = line.trim().split(/\s+/);
  const [typeNumber = 0, keySize = 0, valueSize = 0, maxEntries = 0] = numbers.map(Number);
  const type = mapTypeNames[typeNumber];
  if (numbers.length !== 4 || !numbers.every((number) => /^(0x[0-9a-f]+|\d+)$/i.test(number)) || type === undefined) {
    const hint = 'a map is NAME TYPE KEY-SIZE VALUE-SIZE ENTRIES, in numbers';
    throw new InputError(`malformed map \`${line.trim()}\``, { file }, hint);
  }
  return mapSpec({ name, type, keySize, valueSize, maxEntries });
}

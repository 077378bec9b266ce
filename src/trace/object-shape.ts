/**
 * All of an object that its traces depend on, as JSON: which maps there are and how large, what programs do, and data
 * that no one can change. Names are among it only where people look for differences.
 */
import { type Content, contentOf } from '../base/index.js';
import { encodeInsns } from '../isa/index.js';
import type { ObjectSpec } from '../object/index.js';
import { mapFlags } from '../platform/index.js';
import { WordHash } from './word-hash.js';

/** What a map is, for traces. */
export interface ShownMap {
  readonly name: string;
  readonly type: string;
  readonly key_size: number;
  readonly value_size: number;
  readonly max_entries: number;
  readonly flags: number;
  /** Hash of what it holds, where nobody can change that; else null. */
  readonly content: string | null;
}

/** What a program is, for traces. */
export interface ShownProgram {
  readonly name: string;
  readonly insns: number;
  /** Hash of instructions and what they refer to. */
  readonly code: string;
}

/** What traces of an object say of it. */
export interface ObjectShape {
  readonly maps: readonly ShownMap[];
  readonly programs: readonly ShownProgram[];
}

/** Equal for equal objects, wherever they were read. */
export function objectShape({ maps, programs }: ObjectSpec): ObjectShape {
  return {
    maps: maps.map(({ name, type, keySize, valueSize, maxEntries, flags, init }) => ({
      name,
      type,
      key_size: keySize,
      value_size: valueSize,
      max_entries: maxEntries,
      flags,
      content: init?.kind === 'data' && (flags & mapFlags.rdonlyProg) !== 0 ? hashOf(init.bytes) : null,
    })),
    programs: programs.map(({ name, insns, functions, unresolved, kfuncs, frags }) => ({
      name,
      insns: insns.length,
      code: hashOf({ insns: encodeInsns(insns), functions, unresolved, kfuncs, frags }),
    })),
  };
}

/** What is not the same, in words; undefined: both are of one object. */
export function shapeDifference(there: ObjectShape, here: ObjectShape): string | undefined {
  return (
    differenceOf('map', there.maps, here.maps, mapWords) ??
    differenceOf(
      'program',
      there.programs,
      here.programs,
      (program) => `${program.name}, ${program.insns} instructions`,
    )
  );
}

function differenceOf<T>(
  kind: string,
  there: readonly T[],
  here: readonly T[],
  words: (of: T) => string,
): string | undefined {
  for (let i = 0; i < Math.max(there.length, here.length); i++) {
    const [a, b] = [there[i], here[i]];
    if (a === undefined || b === undefined)
      return `it has ${there.length} ${kind}s, and this object has ${here.length}`;
    if (JSON.stringify(a) === JSON.stringify(b)) continue;
    const [x, y] = [words(a), words(b)];
    return x === y ? `${kind} ${i} (${x}) is not what it was` : `${kind} ${i} is ${x} there, and ${y} here`;
  }
  return undefined;
}

function mapWords({ name, type, key_size: key, value_size: value, max_entries: entries }: ShownMap): string {
  return `${name}: ${type}, ${key} -> ${value} bytes, ${entries} entries`;
}

/** Hash of a value that is JSON but for byte arrays. */
function hashOf(value: unknown): string {
  const hash = new WordHash();
  const content: Content = contentOf(value);
  for (const piece of content) {
    hash.add(piece.length);
    for (let i = 0; i < piece.length; i++) hash.add(typeof piece === 'string' ? piece.charCodeAt(i) : (piece[i] ?? 0));
  }
  return hash.text();
}

/**
 * Vectors of the public bpf_conformance suite. A `.data` file is line oriented; text after `#` is a comment, a line with `--` opens a section:
 *
 *     asm     the program in uBPF syntax
 *     raw     the program, one 64-bit number an instruction; preferred when both are there, since it is exact
 *     mem     hex bytes that r1 points to; r2 is their number
 *     result  r0 at the end, unsigned 64-bit
 *     error   the program must be refused or stopped; the text says how uBPF words it
 */
import { InputError } from '../base/index.js';
import { assembleRaw, assembleUbpf, type Insn } from '../isa/index.js';
import type { BareEngine } from './engines.js';

export interface Vector {
  readonly insns: readonly Insn[];
  readonly memory: Uint8Array | undefined;
  /** r0, unless an error is expected. */
  readonly result: bigint | undefined;
  /** Present, possibly empty, if an error is expected. */
  readonly error: string | undefined;
}

export type VectorVerdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly what: string }
  /** The vector tests something that is not ours to have, named in `what`. */
  | { readonly kind: 'not ours'; readonly what: string };

/** Reads a `.data` file. Throws InputError with the line. */
export function parseVector(text: string, file: string): Vector {
  const sections = splitSections(text);
  const asm = sections.get('asm');
  const raw = sections.get('raw');
  if (asm === undefined && raw === undefined) {
    throw new InputError('a vector needs an `asm` or a `raw` section', { file });
  }
  const result = sections.get('result')?.trim();
  const error = sections.get('error')?.trim();
  if ((result === undefined) === (error === undefined)) {
    throw new InputError('a vector needs either a `result` or an `error` section', { file });
  }
  const insns = raw !== undefined && raw.trim() !== '' ? assembleRaw(raw) : assembleUbpf(asm ?? '', {}, file);
  const mem = sections.get('mem');
  return {
    insns,
    memory: mem === undefined ? undefined : parseHex(mem, file),
    result: result === undefined ? undefined : parseResult(result, file),
    error,
  };
}

/**
 * Section name -> its lines without comments. Lines of other sections stay as empty lines, so that an error's line number is the file's.
 */
function splitSections(text: string): Map<string, string> {
  const sections = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const [number, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/#.*/, '').trimEnd();
    const header = /^--\s*([A-Za-z_ ]+?)\s*$/.exec(line);
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

/** Hex digits in pairs; blanks and line ends are ignored. Throws InputError. */
export function parseHex(text: string, file: string): Uint8Array {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const digits = words.map((word) => word.replace(/^0x/i, '')).join('');
  if (!/^([0-9a-fA-F]{2})*$/.test(digits)) throw new InputError('malformed hex bytes', { file });
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function parseResult(text: string, file: string): bigint {
  if (!/^-?(0x[0-9a-fA-F]+|[0-9]+)$/.test(text)) throw new InputError(`malformed result \`${text}\``, { file });
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  return BigInt.asUintN(64, value);
}

/** Runs a vector and compares. */
export function checkVector(vector: Vector, engine: BareEngine): VectorVerdict {
  const outcome = engine.run(vector.insns, vector.memory);
  switch (outcome.kind) {
    case 'returned':
      if (vector.result === outcome.r0) return { kind: 'passed' };
      return {
        kind: 'failed',
        what: `r0 is 0x${outcome.r0.toString(16)}, ${
          vector.result === undefined
            ? `an error was expected: ${vector.error}`
            : `expected 0x${vector.result.toString(16)}`
        }`,
      };
    case 'error':
      return vector.error === undefined ? { kind: 'failed', what: outcome.what } : { kind: 'passed' };
    case 'unsupported':
      return vector.error === undefined ? { kind: 'not ours', what: outcome.what } : { kind: 'passed' };
  }
}

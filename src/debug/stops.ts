/** What an execution stops at: breakpoints by line, function and instruction, and expressions that change. */
import { InputError } from '../base/index.js';
import type { ObjectSpec } from '../object/index.js';
import { type Expression, parseExpression } from './expression.js';
import type { CodePlace, LineTable, SourcePlace } from './lines.js';

/** Where a breakpoint is. */
export type StopPlace =
  | { readonly kind: 'line'; readonly source: SourcePlace; readonly number: number }
  /** Of a function: each program that has it. */
  | { readonly kind: 'function'; readonly name: string; readonly code: readonly CodePlace[] }
  | { readonly kind: 'insn'; readonly code: CodePlace }
  /** Wherever its value is another one than a step before. */
  | { readonly kind: 'change'; readonly expression: Expression }
  /** Anywhere, when the condition becomes true. */
  | { readonly kind: 'anywhere' };

/** A breakpoint or watchpoint. */
export interface Stop {
  /** From 1, in the order of making. */
  readonly number: number;
  readonly place: StopPlace;
  /** Stops only where this is true. */
  readonly condition: Expression | undefined;
  /** Stops only the times that this takes, counted from the packet's arrival. */
  readonly times?: ((count: number) => boolean) | undefined;
  /** Does not stop, but says this. */
  readonly log?: readonly (string | Expression)[] | undefined;
  isEnabled: boolean;
}

/** What a breakpoint may have besides its place, as text. */
export interface StopRules {
  readonly condition?: string | undefined;
  /** `3`, or `>= 3`, `% 3` and their like. */
  readonly times?: string | undefined;
  /** `ttl is {ip.ttl}`. */
  readonly log?: string | undefined;
}

const comparisons: Readonly<Record<string, (count: number, n: number) => boolean>> = {
  '': (count, n) => count === n,
  '=': (count, n) => count === n,
  '==': (count, n) => count === n,
  '>': (count, n) => count > n,
  '>=': (count, n) => count >= n,
  '<': (count, n) => count < n,
  '<=': (count, n) => count <= n,
  '%': (count, n) => n > 0 && count % n === 0,
};

/** Throws InputError for what is no such thing. */
export function parseTimes(text: string | undefined): Stop['times'] {
  if (text === undefined || text.trim() === '') return undefined;
  const [, operator = '', number = ''] = /^\s*(==?|>=?|<=?|%|)\s*(\d+)\s*$/.exec(text) ?? [];
  const holds = comparisons[operator];
  if (number === '' || holds === undefined)
    throw new InputError(`\`${text}\` says no number of times`, {}, 'such as 3, >= 3 or % 3');
  return (count) => holds(count, Number(number));
}

/** Text with expressions in braces. Throws InputError for what is no expression. */
export function parseLog(text: string | undefined, object: ObjectSpec): Stop['log'] {
  if (text === undefined || text === '') return undefined;
  return text
    .split(/(\{[^{}]*\})/)
    .filter((part) => part !== '')
    .map((part) => (/^\{.*\}$/.test(part) ? parseExpression(part.slice(1, -1), object) : part));
}

/** Reads `LINE`, `FILE:LINE`, `FUNCTION`, `*PC`, or nothing (anywhere). Throws InputError that says what is meant. */
export function parseStopPlace(
  text: string,
  object: ObjectSpec,
  lines: LineTable,
  here: { readonly program: number; readonly file: string | undefined },
): StopPlace {
  const word = text.trim();
  if (word === '') return { kind: 'anywhere' };
  const slot = /^\*(\d+)$/.exec(word);
  if (slot !== null) {
    const pc = Number(slot[1]);
    const program = object.programs[here.program];
    if (program === undefined || pc >= program.insns.length)
      throw new InputError(
        `there is no instruction ${pc}`,
        {},
        `\`${program?.name}\` has 0 to ${(program?.insns.length ?? 1) - 1}`,
      );
    return { kind: 'insn', code: { program: here.program, pc } };
  }
  const line = /^(?:(.*):)?(\d+)$/.exec(word);
  if (line === null) return { kind: 'function', name: word, code: lines.functionNamed(word) };
  const file = line[1] === undefined ? here.file : lines.fileNamed(line[1]);
  const names = lines.files.map((one) => one.replace(/^.*\//, ''));
  if (lines.files.length === 0)
    throw new InputError('the object has no source lines', {}, 'compile with `-g`, or stop at instructions: break *12');
  if (file === undefined)
    throw new InputError(
      line[1] === undefined ? 'of which file?' : `no code is of a file \`${line[1]}\``,
      {},
      `files: ${names.join(', ')}`,
    );
  const source = lines.nextWithCode({ file, line: Number(line[2]) });
  if (source === undefined)
    throw new InputError(
      `no code is of line ${line[2]} or behind it`,
      {},
      `lines of ${file.replace(/^.*\//, '')}: up to ${lines.linesOf(file).at(-1)}`,
    );
  return { kind: 'line', source, number: lines.numberOfPlace(source) };
}

/** `[PLACE] [if CONDITION]`. Throws InputError. */
export function splitCondition(text: string): { readonly place: string; readonly condition: string | undefined } {
  const found = /^(.*?)(?:^|\s)if\s(.*)$/.exec(text);
  return found === null
    ? { place: text.trim(), condition: undefined }
    : { place: (found[1] ?? '').trim(), condition: found[2] };
}

/** The condition of a breakpoint, if it has one. */
export function parseCondition(text: string | undefined, object: ObjectSpec): Expression | undefined {
  return text === undefined || text.trim() === '' ? undefined : parseExpression(text, object);
}

/** What a stop is called: `firewall.bpf.c:57 if ip.ttl < 5`. */
export function stopText({ place, condition }: Stop): string {
  const where = placeText(place);
  return condition === undefined ? where : `${where}${where === '' ? '' : ' '}if ${condition.text}`;
}

function placeText(place: StopPlace): string {
  switch (place.kind) {
    case 'line':
      return `${place.source.file.replace(/^.*\//, '')}:${place.source.line}`;
    case 'function':
      return place.name;
    case 'insn':
      return `*${place.code.pc}`;
    case 'change':
      return `change of ${place.expression.text}`;
    case 'anywhere':
      return '';
  }
}

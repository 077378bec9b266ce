/**
 * Assembler text, line by line: comments go, labels and listing columns come off the front. What is left is one
 * statement.
 *
 * Comments are `//`, `;` and `#` to the line's end, and block comments. A `#` between two word characters is part of
 * the word (`call bpf_map_lookup_elem#1`). Listing columns are what disassemblers print before an instruction: its
 * number and a colon, its bytes in hex, its opcode in parentheses; all are ignored, so that a dump assembles as it is.
 */

import { escapeChar, invisible } from '../text/index.js';

/** A line of assembler text, taken apart. */
export interface SourceLine {
  /** From 1. */
  readonly line: number;
  readonly labels: readonly string[];
  /** Numeric labels and listing numbers: `1:`. */
  readonly numbers: readonly number[];
  /** Opcode in parentheses (the verifier's log); says that numbers are written in the kernel's way. */
  readonly opcode: number | undefined;
  /** The statement; empty if there is none. */
  readonly text: string;
  /** The comment on the line, without its sign. */
  readonly comment: string;
}

/** Every line of a text, empty ones too, so that numbers are those of an editor. `\n`, `\r\n` and `\r` end a line. */
export function splitSource(text: string): SourceLine[] {
  const lines: SourceLine[] = [];
  let inBlock = false;
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const bare = withoutComments(raw, inBlock);
    inBlock = bare.inBlock;
    lines.push(splitLine(bare.text, bare.comment, index + 1));
  }
  return lines;
}

/** The line without its comments; a block comment may begin or end in it. Quoted text is left alone. */
function withoutComments(raw: string, blockAtStart: boolean): { text: string; comment: string; inBlock: boolean } {
  let text = '';
  let inBlock = blockAtStart;
  let quoted = false;
  for (let i = 0; i < raw.length; i++) {
    const two = raw.slice(i, i + 2);
    const char = raw[i] ?? '';
    if (inBlock) {
      if (two === '*/') {
        inBlock = false;
        i++;
      }
    } else if (quoted) {
      text += char === '\\' ? two : char;
      if (char === '\\') i++;
      else if (char === '"') quoted = false;
    } else if (two === '/*') {
      inBlock = true;
      text += ' ';
      i++;
    } else if (two === '//' || char === ';' || (char === '#' && !isInsideWord(raw, i))) {
      return { text, comment: raw.slice(i + (two === '//' ? 2 : 1)).trim(), inBlock };
    } else {
      if (char === '"') quoted = true;
      text += char;
    }
  }
  return { text, comment: '', inBlock };
}

function isInsideWord(raw: string, at: number): boolean {
  return /\w/.test(raw[at - 1] ?? '') && /\w/.test(raw[at + 1] ?? '');
}

/** A name, a quoted name, or what llvm-objdump prints in front of a function. */
const labelPattern = /^\s*(?:([A-Za-z_.$][\w.$@]*)|"((?:[^"\\]|\\.)*)"|[0-9a-f]{16}\s+<([^>]*)>)\s*:(?!:)/;
const numberPattern = /^\s*(\d+):/;
const bytesPattern = /^\s*(?:[0-9a-fA-F]{2} ){7}(?:(?:[0-9a-fA-F]{2} ){8})?[0-9a-fA-F]{2}(?=\s|$)/;
const opcodePattern = /^\s*\(([0-9a-fA-F]{2})\)/;

/** Takes labels and listing columns off the front, in whatever order they stand. */
function splitLine(bare: string, comment: string, line: number): SourceLine {
  const labels: string[] = [];
  const numbers: number[] = [];
  let opcode: number | undefined;
  let rest = bare;
  for (;;) {
    const label = labelPattern.exec(rest);
    const number = numberPattern.exec(rest);
    const prefix = label ?? number;
    if (prefix === null) break;
    if (label !== null) labels.push(label[1] ?? label[3] ?? unescapeText(label[2] ?? ''));
    else numbers.push(Number(number?.[1]));
    rest = rest.slice(prefix[0].length);
  }
  if (numbers.length > 0) rest = rest.replace(bytesPattern, '');
  const code = opcodePattern.exec(rest);
  if (code !== null) {
    opcode = Number.parseInt(code[1] ?? '', 16);
    rest = rest.slice(code[0].length);
  }
  return { line, labels, numbers, opcode, text: rest.trim(), comment };
}

/** Undoes {@link escapeText}. */
export function unescapeText(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|.)/g, (all, code: string) => {
    const number = Number.parseInt(code.slice(1).replace('{', ''), 16);
    if (code.length > 1) return number > 0x10ffff ? all : String.fromCodePoint(number);
    return { n: '\n', t: '\t', r: '\r', '0': '\0' }[code] ?? code;
  });
}

const quotedOut = new RegExp(`["\\\\]|${invisible.source}`, 'gu');

/** Text inside double quotes, on one line. */
export function escapeText(text: string): string {
  return text.replace(quotedOut, (char) => (char === '"' || char === '\\' ? `\\${char}` : escapeChar(char)));
}

/** Words of the syntax: a symbol of that name has to be quoted. */
const reserved =
  /^(?:[rw]\d+|if|goto|gotol|may_goto|call|callx|exit|lock|map|subprog|skb|ll|pc|ld_pseudo|store_release|load_acquire|(?:be|le|bswap)(?:16|32|64)|\w*_?(?:cmp)?xchg\w*|atomic\w*|addr_space_cast)$/;

/** A name as the assembler reads it back: bare where it can be, else in quotes. */
export function symbolText(name: string): string {
  return /^[A-Za-z_.$][\w.$@]*$/.test(name) && !reserved.test(name) ? name : `"${escapeText(name)}"`;
}

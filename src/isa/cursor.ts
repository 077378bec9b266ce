/** Reads one statement of assembler text token by token; every complaint names the place, the text and the mend. */
import { InputError } from '../base/index.js';
import { unescapeText } from './source-line.js';

/** Where a statement stands, for messages. */
export interface TextPlace {
  readonly file: string | undefined;
  /** From 1. */
  readonly line: number;
}

// Signed operators come before words: the s of `s>` is no name.
const tokenPattern =
  /\s*(?:(0[xX][0-9a-fA-F]+|\d+)(?![\w.])|(s(?:>>=|>=|<=|>|<|\/=|%=))(?![\w]*\s*:)|(\d+[bf])(?!\w)|(%[a-z]\w*|[A-Za-z_.$@][\w.$@]*)|("(?:[^"\\]|\\.)*")|(<<=|>>=|[-+*/%&|^=!<>]=|[^\s\w]))/y;

/** A word may hold dots, dollars and more: names of symbols are words. */
type TokenKind = 'number' | 'word' | 'string' | 'sign' | 'end';

/** A piece of the statement. */
interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const end: Token = { kind: 'end', text: '' };

/**
 * The tokens of one statement and how far they have been read. All `expect`-like methods throw InputError with the
 * statement, the place and what
 * would have been right there.
 */
export class Cursor {
  private readonly tokens: readonly Token[];
  private at = 0;
  private readonly place: TextPlace;
  readonly text: string;

  constructor(text: string, place: TextPlace) {
    this.text = text;
    this.place = place;
    this.tokens = this.tokenize();
  }

  /** Throws the InputError for this statement. */
  fail(what: string, hint?: string): never {
    const { file, line } = this.place;
    throw new InputError(`${what} in \`${this.text}\``, { source: `${file ?? 'line'}:${line}` }, hint);
  }

  peek(ahead = 0): string {
    return (this.tokens[this.at + ahead] ?? end).text;
  }

  kind(ahead = 0): TokenKind {
    return (this.tokens[this.at + ahead] ?? end).kind;
  }

  atEnd(): boolean {
    return this.kind() === 'end';
  }

  /** Skips the token if it is that one. A quoted name is never a keyword. */
  accept(text: string): boolean {
    if (this.kind() === 'string' || this.peek() !== text) return false;
    this.at++;
    return true;
  }

  expect(text: string, hint?: string): void {
    if (!this.accept(text)) this.fail(`expected \`${text}\`${this.before()}`, hint);
  }

  /** Requires the statement to be over. */
  finish(): void {
    if (!this.atEnd()) this.fail(`unexpected \`${this.peek()}\``);
  }

  next(): string {
    const { text } = this.tokens[this.at] ?? end;
    this.at++;
    return text;
  }

  /** A name, bare or quoted. */
  symbol(what: string): string {
    const kind = this.kind();
    if (kind === 'word') return this.next();
    if (kind === 'string') return unescapeText(this.next().slice(1, -1));
    return this.fail(`expected ${what}${this.before()}`);
  }

  /** `before ...`, for messages. */
  before(): string {
    return this.atEnd() ? ' at the end' : ` before \`${this.peek()}\``;
  }

  /** A number with any signs before it. */
  number(what = 'a number'): bigint {
    let negative = false;
    while (this.peek() === '-' || this.peek() === '+') negative = (this.next() === '-') !== negative;
    if (this.kind() !== 'number') this.fail(`expected ${what}${this.before()}`);
    const value = BigInt(this.next());
    return negative ? -value : value;
  }

  /** A number within bounds, both inclusive. */
  bounded(what: string, low: bigint, high: bigint): number {
    const value = this.number(what);
    if (value < low || value > high) this.fail(`${what} ${value} is not between ${low} and ${high}`);
    return Number(value);
  }

  /** The whole statement as tokens; looking ahead is then only counting. */
  private tokenize(): Token[] {
    const tokens: Token[] = [];
    const { text } = this;
    let at = 0;
    while (at < text.length && text.slice(at).trim() !== '') {
      tokenPattern.lastIndex = at;
      const found = tokenPattern.exec(text);
      if (found === null) this.fail(`cannot read \`${text.slice(at).trim()}\``);
      const [, number, signedSign, localLabel, word, string, sign] = found;
      if (number !== undefined) tokens.push({ kind: 'number', text: number });
      else if (string !== undefined) tokens.push({ kind: 'string', text: string });
      else if (word !== undefined || localLabel !== undefined) {
        tokens.push({ kind: 'word', text: word ?? localLabel ?? '' });
      } else tokens.push({ kind: 'sign', text: signedSign ?? sign ?? '' });
      at = tokenPattern.lastIndex;
    }
    return tokens;
  }
}

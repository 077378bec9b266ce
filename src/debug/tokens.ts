/** The words of an expression. Addresses are numbers: what is compared with a field is written as people write it. */
import { InputError } from '../base/index.js';
import { parseIp, parseMac } from '../packet/index.js';

/** A word. */
export interface Token {
  readonly kind: 'number' | 'name' | 'text' | 'sign' | 'end';
  readonly text: string;
  /** Of a number. */
  readonly value: bigint;
  /** Where it begins in the text. */
  readonly at: number;
}

const patterns: readonly (readonly [Token['kind'], RegExp, ((text: string) => bigint)?])[] = [
  ['number', /[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}(?![\w:])/y, (text) => bigEndian(parseMac(text))],
  ['number', /(?=[0-9a-fA-F:]*::|(?:[0-9a-fA-F]+:){7})[0-9a-fA-F:]+(?![\w:])/y, (text) => bigEndian(parseIp(text))],
  ['number', /\d{1,3}(?:\.\d{1,3}){3}(?![\w.])/y, (text) => bigEndian(parseIp(text))],
  ['number', /(?:0[xX][0-9a-fA-F]+|\d+)(?!\w)/y, BigInt],
  ['name', /[A-Za-z_]\w*/y],
  ['text', /"(?:[^"\\]|\\.)*"/y],
  ['sign', /->|&&|\|\||<<|>>|<=|>=|==|!=|[-+*/%&|^~!<>()[\]{}.:,]/y],
];

/** Bytes as one number, the first the highest. */
export function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** All words, and an end. Throws InputError for what is none. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(text[at] ?? '')) at++;
    if (at >= text.length) break;
    const token = tokenAt(text, at);
    if (token === undefined)
      throw new InputError(
        `\`${text}\`: what is \`${text.slice(at, at + 12)}\`?`,
        {},
        'an expression is C: r0 == 2 && ip.ttl < 5',
      );
    tokens.push(token);
    at += token.text.length;
  }
  tokens.push({ kind: 'end', text: 'the end', value: 0n, at });
  return tokens;
}

function tokenAt(text: string, at: number): Token | undefined {
  for (const [kind, pattern, toNumber] of patterns) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) return { kind, text: found, value: toNumber?.(found) ?? 0n, at };
  }
  return undefined;
}

import { describe, expect, it } from 'vitest';
import { printable, printableJson, printableLine, printableLines } from './escape.js';

/** Colour, title, clear screen, C1's CSI, right-to-left override, zero-width joiner, tag, line separator, delete. */
const hostile = '\x1b[31m\x1b]0;pwn\x07\x1b[2J\u009b31m\u202e\u200d\u{e0041}\u2028\x7f';

describe('text from a file', () => {
  it('has its invisible characters printed by number', () => {
    expect(printable(hostile)).toBe('\\x1b[31m\\x1b]0;pwn\\x07\\x1b[2J\\x9b31m\\u202e\\u200d\\u{e0041}\\u2028\\x7f');
    expect(printable('a\nb\tc\0')).toBe('a\\x0ab\\x09c\\x00');
  });

  it('is left as it is where it can be seen', () => {
    const visible = 'struct flow *f = &flows[i]; // für „alle“ 流 – "x\\n" 🙂 e\u0301';
    expect(printable(visible)).toBe(visible);
  });

  it('keeps the shape of source code and of messages', () => {
    expect(printableLine('\tif (x)\t\x1b[0m')).toBe(' if (x) \\x1b[0m');
    expect(printableLines('a.c:1: error\n\x1b[2Jb\r\n')).toBe('a.c:1: error\n\\x1b[2Jb\\x0d\n');
  });

  it('is the same value as JSON', () => {
    const json = JSON.stringify({ [hostile]: hostile }, null, 2);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
    expect(printableJson(json)).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028\u{e0041}]/u);
    expect(JSON.parse(printableJson(json))).toEqual({ [hostile]: hostile });
  });

  it('cannot escape by halves of a pair', () => {
    expect(printable('\ud800x')).toBe('\\ud800x');
    expect(JSON.parse(printableJson(JSON.stringify('\udc00')))).toBe('\udc00');
  });
});

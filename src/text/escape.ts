/**
 * Text from a file on its way to a terminal. Names, source lines and licences are whatever the file says: an ESC in
 * one could move the cursor or retitle the window, and a bidirectional override could make a line read as what it is
 * not. So everything that is no visible character is printed as its number. Nothing is undone again: what has to be
 * read back quotes its text (escapeText in isa/source-line.ts), by the same idea of what is visible.
 */

/** Control, format, private and unassigned characters, lone surrogates, and the two separators that end lines. */
export const invisible: RegExp = /[\p{C}\p{Zl}\p{Zp}]/u;

const everyInvisible = new RegExp(invisible, 'gu');

/** `\x1b`, `\u202e`, `\u{e0041}`: the character's number as a string literal of JavaScript has it. */
export function escapeChar(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}

/** A name or any other text of one line, safe to print. Line feeds and tabs are escaped, too. */
export function printable(text: string): string {
  return text.replace(everyInvisible, escapeChar);
}

/** A line of source code: as {@link printable}, tabs being blanks. */
export function printableLine(line: string): string {
  return printable(line.replaceAll('\t', ' '));
}

/** A message that may have several lines (a compiler's, a verifier's log), safe to print; line feeds stay. */
export function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printableLine(line))
    .join('\n');
}

/** Text of many lines and columns, safe to print: as {@link printable}, and line feeds and tabs stay. */
export function printableText(text: string): string {
  return text.replace(everyInvisible, (char) => (char === '\n' || char === '\t' ? char : escapeChar(char)));
}

/** JSON text with what JSON leaves raw (C1 controls, overrides) written as `\u009b`: equal JSON, safe to print. */
export function printableJson(json: string): string {
  return json.replace(everyInvisible, (char) => {
    // JSON.stringify has escaped what is below a blank; a line feed or tab here is layout.
    if (char < ' ') return char;
    return Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
      '',
    );
  });
}

/** Colours: on a terminal unless `NO_COLOR` is set (https://no-color.org), or as `--color` says. */
import { UsageError } from '../base/index.js';
import { printableText } from '../text/index.js';
import type { Style } from './command.js';

/** SGR parameters of ECMA-48: on, off. */
const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

/**
 * Paint is put on as noncharacters of Unicode, one for each code, and becomes escape sequences when it is printed
 * ({@link paintedText}): whatever else would move a terminal is escaped there, wherever it came from.
 */
const firstMark = 0xfdd0;

/** The noncharacter that stands for a code, one of U+FDD0 to U+FDEF. */
function mark(code: number): string {
  return String.fromCharCode(firstMark + marks.indexOf(code));
}

const marks: readonly number[] = [...new Set(Object.values(codes).flat())];
const everyMark = /[\ufdd0-\ufdef]/g;

/**
 * A text on its way to stdout or stderr: paint becomes colour if there is any, and what is no visible character its
 * number.
 */
export function paintedText(text: string, colored: boolean): string {
  if (!colored) return printableText(text);
  let painted = '';
  let at = 0;
  for (const { index, 0: found } of text.matchAll(everyMark)) {
    const code = marks[found.charCodeAt(0) - firstMark];
    painted += printableText(text.slice(at, index));
    if (code !== undefined) painted += `\u001b[${code}m`;
    at = index + 1;
  }
  return painted + printableText(text.slice(at));
}

/** The colours that commands put on their text. */
export function makeStyle(colored: boolean): Style {
  const paint = ([on, off]: readonly [number, number]) => {
    return colored ? (text: string) => `${mark(on)}${text}${mark(off)}` : (text: string) => text;
  };
  return {
    bold: paint(codes.bold),
    dim: paint(codes.dim),
    red: paint(codes.red),
    green: paint(codes.green),
    yellow: paint(codes.yellow),
    cyan: paint(codes.cyan),
  };
}

/** Whether to colour, from `--color`, the environment and whether stdout is a terminal. */
export function wantsColor(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  terminal: boolean,
): boolean {
  switch (flag ?? 'auto') {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'auto':
      return terminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
    default:
      throw new UsageError(`\`--color ${flag}\` is unknown`, {}, 'one of auto, always, never');
  }
}

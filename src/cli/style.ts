/** Colours: on a terminal unless `NO_COLOR` is set (https://no-color.org), or as `--color` says. */
import { UsageError } from '../base/index.js';
import type { Style } from './command.js';

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export function makeStyle(colored: boolean): Style {
  const paint = ([on, off]: readonly [number, number]) => {
    return colored ? (text: string) => `\u001b[${on}m${text}\u001b[${off}m` : (text: string) => text;
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

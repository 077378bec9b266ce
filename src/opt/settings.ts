/**
 * Which passes run: `-O0` to `-O3`, then single passes on (`+pass`) and off (`-pass`), and parameters (`param=N`), in
 * the order in which they were given.
 */
import { UsageError } from '../base/index.js';
import { type ParamName, params } from './pass.js';
import { passes } from './passes.js';

/** Which passes run, and their parameters. */
export interface Settings {
  readonly enabled: ReadonlySet<string>;
  readonly params: Readonly<Record<ParamName, number>>;
}

/** `-O` without a number, and where nothing is said. */
export const highestLevel = 3;

const defaults = Object.fromEntries(Object.entries(params).map(([name, { value }]) => [name, value])) as Record<
  ParamName,
  number
>;

/** The passes of a level, all parameters at their defaults. */
export function levelSettings(level: number): Settings {
  return { enabled: new Set(passes.filter((pass) => pass.level <= level).map(({ name }) => name)), params: defaults };
}

/** All passes. */
export const defaultSettings: Settings = levelSettings(highestLevel);

/**
 * What pays for a program that is not going to run for long. A pass costs as much as some thousand packets, and
 * WebAssembly engines do much of the work again; look-ups without a call are what they cannot do.
 */
export const quickSettings: Settings = { enabled: new Set(['helpers']), params: defaults };

/**
 * `words`: what follows `-O`, e.g. `2`, `-cse`, `+fold`, `window=8`. Throws UsageError for what is not known;
 * `suggest` finds the nearest of some names.
 */
export function parseSettings(
  words: readonly string[],
  suggest: (word: string, names: readonly string[]) => string | undefined = () => undefined,
): Settings {
  let enabled = new Set(defaultSettings.enabled);
  const values = { ...defaults };
  const names = passes.map(({ name }) => name);
  const fail = (what: string, word: string, known: readonly string[]): never => {
    const near = suggest(word, known);
    throw new UsageError(what, {}, near === undefined ? `known: ${known.join(', ')}` : `did you mean \`${near}\`?`);
  };
  for (const word of words) {
    const level = /^[0-9]+$/.test(word) ? Number(word) : -1;
    const [name = '', number] = word.split('=');
    if (level >= 0) {
      if (level > highestLevel)
        throw new UsageError(`\`-O${word}\`: there is no such level`, {}, `levels: 0 to ${highestLevel}`);
      enabled = new Set(levelSettings(level).enabled);
    } else if (word.startsWith('+') || word.startsWith('-')) {
      const pass = word.slice(1);
      if (!names.includes(pass)) fail(`\`-O${word}\`: there is no pass \`${pass}\``, pass, names);
      if (word.startsWith('+')) enabled.add(pass);
      else enabled.delete(pass);
    } else if (number !== undefined) {
      if (!isParam(name)) return fail(`\`-O${word}\`: there is no parameter \`${name}\``, name, Object.keys(params));
      const value = Number(number);
      if (!/^[0-9]+$/.test(number) || value > params[name].max)
        throw new UsageError(`\`-O${word}\`: not a number from 0 to ${params[name].max}`);
      values[name] = value;
    } else if (names.includes(word)) {
      throw new UsageError(`\`-O${word}\` says neither on nor off`, {}, `\`-O+${word}\` or \`-O-${word}\``);
    } else {
      fail(`\`-O${word}\` is not known`, word, [
        ...names.map((pass) => `+${pass}`),
        ...names.map((pass) => `-${pass}`),
      ]);
    }
  }
  return { enabled, params: values };
}

function isParam(name: string): name is ParamName {
  return name in params;
}

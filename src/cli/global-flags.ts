/** `--set NAME=VALUE` and `--get NAME`: global variables of a program by name. */
import type { Command } from 'commander';
import { UsageError } from '../base/index.js';
import type { ObjectSpec } from '../object/index.js';
import { type Formatted, findGlobal, foldedGlobals, formatGlobal, parseGlobalValue, withGlobals } from '../vm/index.js';
import { collect } from './collect.js';
import type { Io } from './command.js';

/** Values of the flags. */
export interface GlobalFlags {
  readonly set?: readonly string[];
  readonly get?: readonly string[];
}

/** Declares both. */
export function declareGlobals(command: Command): void {
  command
    .option('--set <name=value>', 'a global variable before the program is loaded: limit=100, ports[0]=80', collect)
    .option('--get <name>', 'print a global variable in the end; may be given several times', collect);
}

/** `NAME=VALUE`, read. Throws UsageError. */
export function parseAssignment(word: string): readonly [name: string, value: unknown] {
  const at = word.indexOf('=');
  if (at < 1) throw new UsageError(`\`${word}\` is no NAME=VALUE`, {}, 'for example limit=100');
  return [word.slice(0, at).trim(), parseGlobalValue(word.slice(at + 1))];
}

/** The object with what `--set` says. Throws UsageError, and InputError for what there is not. */
export function setByFlags(object: ObjectSpec, flags: GlobalFlags, io?: Pick<Io, 'info'>): ObjectSpec {
  for (const name of flags.get ?? []) findGlobal(object, name);
  const values = Object.fromEntries((flags.set ?? []).map(parseAssignment));
  const changed = withGlobals(object, values);
  for (const name of foldedGlobals(object, Object.keys(values)))
    io?.info(
      `\`${name}\` is set, but no program reads it: the compiler took its value for granted\n  hint: declare it \`const volatile\``,
    );
  return changed;
}

/** What `--get` asks for: values by name. `sectionOf` has the bytes of a data section by its map's index. */
export function gotten(
  object: ObjectSpec,
  flags: GlobalFlags,
  sectionOf: (map: number) => Uint8Array,
): Record<string, Formatted> | undefined {
  if (flags.get === undefined) return undefined;
  const values = flags.get.map((name): [string, Formatted] => {
    const place = findGlobal(object, name);
    return [name, formatGlobal(object, place, sectionOf(place.variable.map))];
  });
  return Object.fromEntries(values);
}

/** `seen = 12`, a line each. */
export function globalsText(values: Readonly<Record<string, Formatted>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${JSON.stringify(value).replace(/"(-?\d+)"(?!:)/g, '$1')}\n`)
    .join('');
}

/** Bytes of the one element of a data section's map. */
export function sectionBytes(map: { lookupElem(key: Uint8Array): Uint8Array | number } | undefined): Uint8Array {
  const found = map?.lookupElem(new Uint8Array(4));
  return found instanceof Uint8Array ? found : new Uint8Array(0);
}

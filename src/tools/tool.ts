/** What the tools have in common: arguments, and errors as messages and exit codes. */
import { writeFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { exitCodes, UsageError, UserError } from '../base/index.js';
import { parseSettings, type Settings } from '../opt/index.js';
import { nearest } from '../text/index.js';

/** Values of the command line's flags, by name, as node's parseArgs gives them. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Runs `main` on the command line's arguments; `options` as of node's parseArgs. */
export async function runTool(
  usage: string,
  options: NonNullable<ParseArgsConfig['options']>,
  main: (operands: readonly string[], flags: Flags) => number | Promise<number>,
): Promise<void> {
  try {
    let parsed: { positionals: string[]; values: Record<string, unknown> };
    try {
      parsed = parseArgs({ options, allowPositionals: true });
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error), {}, usage);
    }
    process.exitCode = await main(parsed.positionals, parsed.values as Flags);
  } catch (error) {
    // Our own mistakes keep their stack.
    if (!(error instanceof UserError)) throw error;
    console.error(error.format());
    process.exitCode = error.exitCode;
  }
}

/** A flag that is a number; throws UsageError for anything else. */
export function numberFlag(flags: Flags, name: string, fallback: number): number {
  const text = flags[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new UsageError(`--${name} takes a whole number, not \`${text}\``);
  return value;
}

/** `-O...`, repeatable, of a tool that runs an engine with an optimizer. */
export const optimizationOption = { opt: { type: 'string', short: 'O', multiple: true } } as const;

/** What `-O` asks for; throws UsageError for an unknown pass, with the nearest name. */
export function optimizationFlag(flags: Flags): Settings {
  const words = flags['opt'];
  return parseSettings(Array.isArray(words) ? (words as readonly string[]) : [], nearest);
}

/** The one folder or file that a tool takes. */
export function oneOperand(operands: readonly string[], usage: string): string {
  const [only, ...rest] = operands;
  if (only === undefined || rest.length > 0) throw new UsageError('give one folder or file', {}, usage);
  return only;
}

/**
 * Writes the figures of a run to the file of `--summary`, if one was asked for: `npm run fidelity` puts them together.
 */
export function writeSummary(flags: Flags, summary: Readonly<Record<string, unknown>>): void {
  if (typeof flags['summary'] === 'string') writeFileSync(flags['summary'], `${JSON.stringify(summary)}\n`);
}

/** The code of an error of the operating system (`EACCES`), undefined for any other. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** The exit code of a tool whose checks failed that many times. */
export const negativeIf = (failed: number): number => (failed > 0 ? exitCodes.negative : exitCodes.ok);

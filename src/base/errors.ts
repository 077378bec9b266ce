/**
 * The errors that jitnic throws. An error is either the user's ({@link InputError} and its kin: the file or the flag
 * at fault, the place and the mend) or ours ({@link InternalError}). Expected negative answers (a program rejected by
 * the verifier, a trace aborted) are values, not errors.
 */

/** Where in an input something is wrong. Only the known parts are given; they are printed in this order. */
export interface Place {
  /** File name, or `-` for stdin. */
  readonly file?: string | undefined;
  /** ELF section, pcapng block, ... */
  readonly section?: string | undefined;
  /** Byte offset in the file. */
  readonly offset?: number | undefined;
  /** Instruction index (slot) in its program. */
  readonly insn?: number | undefined;
  /** Source position from BTF.ext line info or an assembler line, as `file:line`. */
  readonly source?: string | undefined;
}

/** `file: section: +0x40: insn 12: prog.c:33`, or the empty string. */
export function formatPlace(place: Place): string {
  const parts: string[] = [];
  if (place.file !== undefined) parts.push(place.file);
  if (place.section !== undefined) parts.push(`section ${place.section}`);
  if (place.offset !== undefined) parts.push(`offset 0x${place.offset.toString(16)}`);
  if (place.insn !== undefined) parts.push(`insn ${place.insn}`);
  if (place.source !== undefined) parts.push(place.source);
  return parts.join(': ');
}

/** Exit codes of the command line. */
export const exitCodes = {
  ok: 0,
  negative: 1,
  usage: 2,
  input: 3,
  unsupported: 4,
  budget: 5,
  internal: 70,
  interrupted: 130,
} as const;

/** What the command line ends with; each {@link UserError} has one. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Base of the errors that a user can mend: what is wrong, where, and what to do about it. */
export abstract class UserError extends Error {
  /** The class, whatever a bundler calls it. */
  abstract override readonly name: string;
  abstract readonly exitCode: ExitCode;
  /** Stable, machine-readable, kebab-case. */
  abstract readonly code: string;
  readonly place: Place;
  readonly hint: string | undefined;

  constructor(what: string, place: Place = {}, hint?: string) {
    super(what);
    this.place = place;
    this.hint = hint;
  }

  /** The same error with the file's name filled in: parsers know offsets, their callers know names. */
  withFile(file: string): this {
    if (this.place.file === undefined) (this as { place: Place }).place = { ...this.place, file };
    return this;
  }

  /** Location first, then what; the hint is the last line. */
  format(): string {
    const at = formatPlace(this.place);
    return (at === '' ? '' : `${at}: `) + this.message + (this.hint === undefined ? '' : `\nhint: ${this.hint}`);
  }
}

/** A file or value that the user gave is malformed. Exit 3. */
export class InputError extends UserError {
  override readonly name: string = 'InputError';
  readonly exitCode: ExitCode = exitCodes.input;
  readonly code: string = 'bad-input';
}

/** The input is well-formed but asks for something that jitnic (or XDP) does not do; names the thing. Exit 4. */
export class UnsupportedError extends UserError {
  override readonly name: string = 'UnsupportedError';
  readonly exitCode: ExitCode = exitCodes.unsupported;
  readonly code: string = 'unsupported';
}

/** Flags or arguments make no sense. Exit 2. */
export class UsageError extends UserError {
  override readonly name: string = 'UsageError';
  readonly exitCode: ExitCode = exitCodes.usage;
  readonly code: string = 'usage';
}

/** A budget (steps, time, memory) ran out. Exit 5. */
export class BudgetError extends UserError {
  override readonly name: string = 'BudgetError';
  readonly exitCode: ExitCode = exitCodes.budget;
  readonly code: string = 'budget';
}

/** Our bug. Names the phase in which it showed. Exit 70. */
export class InternalError extends Error {
  readonly phase: string;

  constructor(phase: string, what: string) {
    super(`${phase}: ${what}`);
    this.name = 'InternalError';
    this.phase = phase;
  }
}

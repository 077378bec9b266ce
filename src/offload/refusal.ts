/**
 * A refusal as bpf(2) and netlink give one: an error number, and where somebody said why, the text: a driver's
 * extended acknowledgement, or the last line of a verifier's log.
 *
 * The three are apart because they have different readers. Scripts compare the number; the text is the kernel's,
 * letter for letter, so that people can search for it; the hint is ours, and names the command that helps.
 */
import { type ExitCode, exitCodes, UserError } from '../base/index.js';
import { type ErrnoName, errno } from '../platform/index.js';

/** What goes with a refusal. */
export interface RefusalDetails {
  /** What kernel or driver said, in its words. */
  readonly extack?: string | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** The verifier's log, driver's lines included. */
  readonly log?: string | undefined;
}

/** What Linux says to an error number (strerror). */
const errnoTexts: Readonly<Partial<Record<ErrnoName, string>>> = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  EIO: 'Input/output error',
  E2BIG: 'Argument list too long',
  EBADF: 'Bad file descriptor',
  ENOMEM: 'Cannot allocate memory',
  EACCES: 'Permission denied',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  ENODEV: 'No such device',
  EINVAL: 'Invalid argument',
  ENOSPC: 'No space left on device',
  EOPNOTSUPP: 'Operation not supported',
};

/** `No such device` for ENODEV. */
export function errnoText(name: ErrnoName): string {
  return errnoTexts[name] ?? name;
}

/** Thrown by everything that speaks as Linux does here. A refusal leaves everything as it was. */
export class OffloadRefusal extends UserError {
  override readonly name: string = 'OffloadRefusal';
  readonly exitCode: ExitCode = exitCodes.negative;
  readonly code: string = 'offload-refused';
  /** By name: numbers differ between architectures, and tables here are read by people. */
  readonly errno: ErrnoName;
  readonly extack: string | undefined;
  readonly log: string | undefined;

  /** `what` is what was tried, as bpftool words it: `can't get prog info`. */
  constructor(what: string, name: ErrnoName, details: RefusalDetails = {}) {
    const { extack, hint, log } = details;
    super(`${what}: ${errnoText(name)}${extack === undefined ? '' : `: ${extack}`}`, {}, hint);
    this.errno = name;
    this.extack = extack;
    this.log = log;
  }

  /** Negated, as bpf(2) returns it. */
  get result(): number {
    return -errno[this.errno];
  }
}

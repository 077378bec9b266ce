/**
 * What comes after the packets: steps that Ctrl-C breaks off, and what a command then says of a result that is not all
 * of it.
 */
import { type ExitCode, exitCodes } from '../base/index.js';
import type { Io } from './command.js';
import { InterruptedError } from './interrupt.js';

/** Milliseconds after Ctrl-C in which a summary may still begin to put something into words. */
const summaryMs = 100;

/**
 * The steps of one command. Once one was broken off, the others are short or left out, and what is printed says so.
 */
export class Steps {
  private readonly io: Pick<Io, 'work'>;
  private interrupted: boolean;
  /** On `performance.now()`; undefined where nobody waits for the end. */
  private readonly until: number | undefined;
  private brokenOff = false;

  /**
   * `interrupted`: Ctrl-C came before. Then the steps that are left are the summary so far, and a second one ends
   * them.
   */
  constructor(io: Pick<Io, 'work'>, interrupted = false) {
    this.io = io;
    this.interrupted = interrupted;
    this.until = interrupted ? performance.now() + summaryMs : undefined;
  }

  /** A step's result; undefined if Ctrl-C came in it or in an earlier step. */
  async take<T>(phase: string, step: () => T): Promise<T | undefined> {
    if (this.brokenOff) return undefined;
    try {
      return await this.io.work(phase, step);
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      this.interrupted = true;
      this.brokenOff = true;
      return undefined;
    }
  }

  /**
   * Whether what takes long may still be begun: after Ctrl-C only for a moment, so that the summary so far comes
   * within 200 ms of it.
   */
  readonly mayBegin = (): boolean => this.until === undefined || performance.now() < this.until;

  /** `interrupted` of a JSON document, true or not there. */
  json(): { readonly interrupted?: true } {
    return this.interrupted ? { interrupted: true } : {};
  }

  /** The last line of a text. */
  text(): string {
    return this.interrupted ? '\ninterrupted: this is the part that was done by then\n' : '';
  }

  /** 130 after Ctrl-C, else undefined. */
  get exitCode(): ExitCode | undefined {
    return this.interrupted ? exitCodes.interrupted : undefined;
  }
}

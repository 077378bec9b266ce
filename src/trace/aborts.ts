/**
 * Why a recording was given up, as one table: stable codes for statistics and JSON, and what people read. An abort is
 * normal and counted.
 */
export const aborts = {
  'too-long': 'the path has more values than --max-trace-insns allows',
  'too-many-guards': 'the path has more guards than --max-trace-guards allows',
  'too-deep': 'values of the path hang on each other in a longer chain than is followed',
  'too-many-steps': 'the path is longer than the recorder follows',
  'helper-not-traceable': 'calls a helper that a card cannot run',
  'callback-over-map': 'walks over a map with more buckets than --max-trace-guards allows guards',
  'insn-not-traceable': 'has an instruction that the recorder does not follow',
  'uninitialised-register': 'reads a register that nothing has set',
  'unknown-pointer': 'uses a pointer into memory that the recorder cannot name',
  'multi-buffer': 'the packet has fragments, which cards leave to the host',
  trap: 'the program was stopped by a fault',
  spin: 'the program ran out of its instruction budget',
  desync: 'the recorder lost the program',
  useless: 'the trace could not be told apart from an installed one',
} as const;

/** Why a recording was given up; {@link aborts} has each in words. */
export type AbortCode = keyof typeof aborts;

/** Thrown inside the recorder only; what leaves it is a value. */
export class TraceAbort extends Error {
  readonly code: AbortCode;
  readonly detail: string | undefined;

  constructor(code: AbortCode, detail?: string) {
    super(code);
    this.code = code;
    this.detail = detail;
  }
}

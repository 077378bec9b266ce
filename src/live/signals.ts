/**
 * SIGTERM, for who has something to put back first: a program on an interface outlives the process that swapped it.
 */

/** Resolves when the process is asked to end. From then on it does not end by itself. */
export function terminated(): Promise<void> {
  return new Promise((done) => process.once('SIGTERM', () => done()));
}

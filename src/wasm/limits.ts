/**
 * What engines take at most of one function (WebAssembly JavaScript Interface, "Implementation-defined Limits"). All
 * engines keep to the same numbers, so code that is larger is none anywhere.
 */

/** Locals, parameters included. */
const mostLocals = 50_000;
/** Bytes of a function's body. */
const mostBytes = 7_654_321;

/** A function that no engine takes, as large as it is. Whoever made it does without, or with less in it. */
export class FunctionTooLarge extends Error {}

/** Throws {@link FunctionTooLarge} where the function has too many locals or bytes. */
export function checkFunctionSize(name: string, locals: number, bytes: number): void {
  if (locals > mostLocals) throw new FunctionTooLarge(`\`${name}\` has ${locals} locals, of ${mostLocals} at most`);
  if (bytes > mostBytes) throw new FunctionTooLarge(`\`${name}\` has ${bytes} bytes, of ${mostBytes} at most`);
}

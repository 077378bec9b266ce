/** Numbers of flags. */
import { UsageError } from '../base/index.js';

/** A whole number of a flag, or undefined if it was not given. Throws UsageError. */
export function wholeNumber(
  flag: string,
  text: string | undefined,
  least: number,
  most: number = Number.POSITIVE_INFINITY,
): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < least) {
    throw new UsageError(`\`${flag} ${text}\` is not a whole number from ${least}`);
  }
  if (number > most) throw new UsageError(`\`${flag} ${text}\` is more than ${most}`);
  return number;
}

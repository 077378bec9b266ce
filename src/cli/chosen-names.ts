/** `--without NAME`: what is left of a list. */
import { UsageError } from '../base/index.js';
import { nearest } from '../text/index.js';

/** Names without those that are left out. Throws UsageError for one that is none. */
export function chosenNames<K extends string>(names: readonly K[], without: readonly string[] = []): readonly K[] {
  const known: readonly string[] = names;
  for (const name of without) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const hint = near === undefined ? `optimizations: ${names.join(', ')}` : `did you mean \`${near}\`?`;
    throw new UsageError(`no optimization \`${name}\``, {}, hint);
  }
  return names.filter((name) => !without.includes(name));
}

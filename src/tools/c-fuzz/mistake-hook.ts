/**
 * A loader hook of Node (`module.register`) that plants one mistake: the module that it is in is changed as it is
 * read, and nothing on disk is.
 */
import { type Mistake, withMistake } from './mistakes.js';

/** As of Node's `load` hooks: what became of a module. */
interface Loaded {
  readonly format: string;
  readonly source?: string | Uint8Array;
}

let planted: { readonly mistake: Mistake; readonly url: string } | undefined;

/** Called with `register`'s data, before any module is loaded. */
export function initialize(mistake: Mistake): void {
  planted = { mistake, url: new URL(`../../${mistake.module}.js`, import.meta.url).href };
}

/** Called for each module. */
export async function load(
  url: string,
  context: unknown,
  next: (url: string, context: unknown) => Promise<Loaded>,
): Promise<Loaded> {
  const loaded = await next(url, context);
  if (planted === undefined || url !== planted.url || loaded.source === undefined) return loaded;
  const text = typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source).toString();
  return { ...loaded, source: withMistake(planted.mistake, text) };
}

/**
 * Results that are kept from run to run, by the content that they follow from. Where they are kept is not the core's
 * concern.
 */

/** What a result follows from, all of it: equal parts in equal order give equal results. */
export type Content = readonly (string | Uint8Array)[];

/** Keeps results from run to run, by all that they follow from. {@link Content} is the key. */
export interface ResultStore {
  /** What was saved for this content; undefined if nothing was, or it is damaged. */
  load(kind: string, content: Content): Uint8Array | undefined;
  /** Never throws: what cannot be kept is made anew. */
  save(kind: string, content: Content, result: Uint8Array): void;
}

/**
 * A plain value (objects, arrays, maps, numbers, strings, `bigint`, byte arrays) as {@link Content}: different values
 * give different content. Keys in `leftOut` are skipped, at any depth.
 */
export function contentOf(value: unknown, leftOut: readonly string[] = []): Content {
  const bytes: Uint8Array[] = [];
  const text = JSON.stringify(value, (key, item: unknown) => {
    if (leftOut.includes(key)) return undefined;
    if (typeof item === 'bigint') return { bigint: item.toString() };
    if (item instanceof Map) return { map: [...item] };
    if (!(item instanceof Uint8Array)) return item;
    bytes.push(item);
    return { bytes: item.length };
  });
  return [text, ...bytes];
}

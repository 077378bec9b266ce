/** Elements that are not there when a packet comes: of what an object brings, some may have been taken away. */
import type { MapSpec } from '../object/index.js';
import type { MapTypeName } from '../platform/index.js';
import { withArticle } from '../text/index.js';

/** Maps whose elements are taken away by their keys. */
const losing: ReadonlySet<MapTypeName> = new Set<MapTypeName>([
  ...(['prog_array', 'array_of_maps', 'hash_of_maps', 'devmap', 'devmap_hash', 'cpumap', 'xskmap', 'sockmap'] as const),
  ...(['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash', 'lpm_trie', 'sockhash'] as const),
]);

/** Why elements of a map cannot be taken away; undefined: they can. */
export function cannotLose({ type }: MapSpec): string | undefined {
  if (losing.has(type)) return undefined;
  const named = withArticle(type);
  return /array$/.test(type) ? `elements of ${named} are always there` : `elements of ${named} have no keys`;
}

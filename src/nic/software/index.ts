// The software card: a tree of traces, walked by an executor or compiled to one WebAssembly module.
export { cachedLookups } from './cached-lookups.js';
export { isDoneByCard } from './card-helpers.js';
export { type CardOptions, CompiledCard } from './compiled-card.js';
export { reserveKeys } from './keys.js';
export type { PassPolicy } from './passes.js';
export { TraceTree } from './tree.js';

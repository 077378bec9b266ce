// The software card: a tree of traces, walked by an executor or compiled to one WebAssembly module.
export { cachedLookups } from './cached-lookups.js';
export { isDoneByCard } from './card-helpers.js';
export { type CardOptions, CompiledCard } from './compiled-card.js';
export { type Parent, parentAt, SideExit } from './side-exit.js';
export { type InstalledTrace, type Matcher, TraceTree } from './tree.js';

/** `jitnic/nic`: what a card holds: path conditions, why recordings were given up, and the policies of its cache. */
export { type PolicyRow, policies } from '../cache/index.js';
export type { Computation } from '../condition/computation-words.js';
export type { Atom, AtomKind, PathCondition, TernaryByte } from '../condition/index.js';
export { type AbortCode, aborts } from '../trace/index.js';

export { findPolicy, policies } from './policies.js';
export type { Policy, PolicyRow } from './policy.js';
export { TraceCache, type TraceCacheOptions } from './trace-cache.js';

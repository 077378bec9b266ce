export { maxTailCalls } from './control-helpers.js';
export type { Callbacks, Helper } from './helper.js';
export { findHelper, helperRefusal, tailCallHelper } from './helpers.js';

export type { Callbacks, Helper } from './helper.js';
export { engineHelper, findHelper, helperRefusal, tailCallHelper } from './helpers.js';
export { type Walk, walkHelper, walkHelperNames, walkHelperNumber } from './walk-helpers.js';

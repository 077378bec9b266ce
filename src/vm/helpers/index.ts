export type { Callbacks, Helper } from './helper.js';
export { engineHelper, findHelper, helperRefusal } from './helpers.js';
export type { Walk } from './walk-helpers.js';

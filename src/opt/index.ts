export { IrEngine, type IrEngineOptions } from './ir-engine.js';
export { type OptimizeOptions, optimize } from './optimize.js';
export type { Param, ParamName, Pass } from './pass.js';
export { passes } from './passes.js';
export { levelSettings, parseSettings, type Settings } from './settings.js';

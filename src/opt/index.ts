export { demandedBits } from './demanded-bits.js';
export { type OptimizeOptions, optimize } from './optimize.js';
export { type Param, type ParamName, type Pass, params } from './pass.js';
export { passes } from './passes.js';
export { type OptReport, type PassReport, reportPasses } from './report.js';
export { defaultSettings, levelSettings, parseSettings, quickSettings, type Settings } from './settings.js';
export { type TranslateOptions, translate } from './translate.js';

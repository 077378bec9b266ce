export { stateMaps } from './analysis-state.js';

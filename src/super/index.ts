export { type Effort, type ImprovedObject, type ImproveOptions, improveObject } from './improve.js';
export {
  type FunctionOutcome,
  type OptimizedObject,
  type OptimizeObjectOptions,
  optimizeObject,
  type PassStep,
  type ProgramProfile,
  type ProgramWork,
  type Refusal,
} from './optimize-object.js';
export type { Goal } from './passes/pass.js';
export { bytecodePasses } from './passes/passes.js';
export { aluTerm, jumpTerm, readsDestination } from './proof/alu.js';
export { versionOf } from './version.js';

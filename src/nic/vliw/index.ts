// hXDP's VLIW core: its compiler, and a machine that runs the rows.
export {
  type Compilation,
  type CompiledProgram,
  type CompileOptions,
  compileProgram,
  type OptimizationName,
  type OptimizationRow,
  optimizationNames,
  optimizations,
  publishedOptimizations,
} from './compile.js';
export { VliwEngine } from './engine.js';
export { insnRefusal } from './lower.js';
export { formatRows } from './print.js';

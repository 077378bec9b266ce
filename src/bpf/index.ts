export { type CompiledFunction, compileFunction } from './compile.js';
export type { EmittedCode } from './emit.js';
export { type BpfVersion, has } from './version.js';

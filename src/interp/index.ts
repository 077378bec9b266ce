export { atomic } from './atomic.js';
export { Interpreter, type InterpreterOptions } from './interpreter.js';
export type { Observer } from './observer.js';

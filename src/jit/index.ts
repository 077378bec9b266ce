export { emitArrival, emitPrologue } from './context-code.js';
export { ownFunction } from './emit-call.js';
export { exchange } from './exchange.js';
export { type Frame, FunctionEmitter } from './function-emitter.js';
export { HostImports } from './host-imports.js';
export { cacheBytes, isWorthCaching, type LookupCache } from './lookup-cache.js';
export { moduleOf } from './module-cache.js';
export { Services } from './services.js';
export { type Compiled, type Fallback, WasmEngine, type WasmEngineOptions } from './wasm-engine.js';

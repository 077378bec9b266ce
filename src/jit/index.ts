export { emitPrologue } from './context-code.js';
export { exchange } from './exchange.js';
export { HostImports } from './host-imports.js';
export { emitInline } from './inline-program.js';
export { cacheBytes, isWorthCaching, type LookupCache } from './lookup-cache.js';
export { moduleOf } from './module-cache.js';
export { Services } from './services.js';
export { type Compiled, type Fallback, WasmEngine, type WasmEngineOptions } from './wasm-engine.js';

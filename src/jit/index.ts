export { compileModule } from './compile.js';
export { emitArrival, emitPrologue } from './context-code.js';
export { isMover, isRedirector } from './demands.js';
export { ownFunction } from './emit-call.js';
export { type Areas, allocateAreas, exchange } from './exchange.js';
export { type Frame, FunctionEmitter } from './function-emitter.js';
export { HostImports } from './host-imports.js';
export { cacheBytes, isWorthCaching, type LookupCache, slowLookupsAt } from './lookup-cache.js';
export { moduleOf } from './module-cache.js';
export {
  addressOf,
  arrayOf,
  bytesAt,
  locate,
  locateStack,
  peekAt,
  regionAt,
  staticIn,
  worldOfMachine,
} from './place.js';
export { Services } from './services.js';
export { type Compiled, type Fallback, type InnerProgram, WasmEngine, type WasmEngineOptions } from './wasm-engine.js';

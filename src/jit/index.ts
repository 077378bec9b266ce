export { type Compiled, type Fallback, WasmEngine, type WasmEngineOptions } from './wasm-engine.js';

export { decodeBase64, encodeBase64 } from './base64.js';
export {
  BudgetError,
  type ExitCode,
  exitCodes,
  formatPlace,
  InputError,
  InternalError,
  type Place,
  UnsupportedError,
  UsageError,
  UserError,
} from './errors.js';
export { decodeUtf8, encodeUtf8, Wasm, type WasmInstance, type WasmMemory, type WasmModule } from './host-globals.js';
export { type Content, contentOf, type ResultStore } from './result-store.js';

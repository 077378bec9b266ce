/**
 * The few globals that Node and browsers share and that ECMAScript's own library types do not declare. The portable
 * core compiles with `"types": []` and without the DOM library, so they are typed here, no wider than we use them.
 */

/** WebAssembly.Memory. */
export interface WasmMemory {
  /** A SharedArrayBuffer if it is shared between threads. */
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB; detaches the old buffer. Returns the old size in pages. */
  grow(pages: number): number;
}

/** A compiled module. Opaque: only {@link Wasm} looks into it. */
export interface WasmModule {
  readonly __wasmModule: never;
}

/** An instance of a module: what it exports, by name. */
export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** As much of `WebAssembly` as is used. */
interface WasmNamespace {
  Memory: new (descriptor: { initial: number; maximum?: number; shared?: boolean }) => WasmMemory;
  Module: new (bytes: Uint8Array) => WasmModule;
  Instance: new (module: WasmModule, imports?: Record<string, Record<string, unknown>>) => WasmInstance;
}

/** What {@link globalThis} is taken to have. */
interface Globals {
  WebAssembly: WasmNamespace;
  TextDecoder: new (label?: string, options?: { fatal?: boolean }) => { decode(bytes: Uint8Array): string };
  TextEncoder: new () => { encode(text: string): Uint8Array };
}

const globals = globalThis as unknown as Globals;

/** The host's `WebAssembly` object, as far as the engines use it. */
export const Wasm: WasmNamespace = globals.WebAssembly;

const decoder = new globals.TextDecoder('utf-8');
const encoder = new globals.TextEncoder();

/** UTF-8 to string; malformed sequences become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** A string as UTF-8; lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

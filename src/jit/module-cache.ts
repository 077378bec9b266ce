/**
 * Compiled modules by content: the same program on machines of the same shape is compiled by the host's engine once.
 */
import { Wasm, type WasmModule } from '../base/index.js';

interface Entry {
  readonly bytes: Uint8Array;
  readonly module: WasmModule;
}

/** Modules that are kept; the one that was made first goes first. */
const capacity = 64;
const entries = new Map<string, Entry>();

/** The module of these bytes: compiled once in a process, however many machines run it. */
export function moduleOf(bytes: Uint8Array): WasmModule {
  const key = `${bytes.length} ${fnv1a(bytes)}`;
  const known = entries.get(key);
  if (known?.bytes.every((byte, i) => byte === bytes[i])) return known.module;
  const module = new Wasm.Module(bytes);
  entries.delete(key);
  entries.set(key, { bytes, module });
  const [oldest] = entries.keys();
  if (entries.size > capacity && oldest !== undefined) entries.delete(oldest);
  return module;
}

/** FNV-1a, 32 bits; equality of the bytes is checked besides. */
function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Copies of a size that is known when code is made: words one after the other, since `memory.copy` is a call for V8
 * whatever the size.
 */
import type { CodeBuilder } from '../wasm/index.js';

/** Larger ones are left to `memory.copy`. */
const unrolled = 128;

/** Operands: destination, source. */
export function emitCopy(out: CodeBuilder, size: number): void {
  if (size > unrolled) {
    out.i32(size).memoryCopy();
    return;
  }
  const from = out.addLocal('i32');
  const to = out.addLocal('i32');
  out.setLocal(from).setLocal(to);
  for (let at = 0; at < size; ) {
    const left = size - at;
    out.getLocal(to).getLocal(from);
    if (left >= 8) out.memory('i64.load', at).memory('i64.store', at);
    else if (left >= 4) out.memory('i32.load', at).memory('i32.store', at);
    else if (left >= 2) out.memory('i32.load16_u', at).memory('i32.store16', at);
    else out.memory('i32.load8_u', at).memory('i32.store8', at);
    at += left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
  }
}

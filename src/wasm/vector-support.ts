/** Does this engine have vectors? Processors without SSE 4.1, and interpreters, have none. */
import { Wasm } from '../base/index.js';
import { ModuleBuilder } from './module-builder.js';

let known: boolean | undefined;

/** True where a module with an instruction of `simd128` compiles; asked once. */
export function vectorSupport(): boolean {
  known ??= compiles();
  return known;
}

function compiles(): boolean {
  const module = new ModuleBuilder();
  const index = module.declareFunction('probe', ['i32'], ['i32']);
  const out = module.bodyOf(index);
  out.getLocal(0).vector('i32x4.splat').lane('i32x4.extract_lane', 0);
  module.define(index, out);
  try {
    new Wasm.Module(module.finish({ names: false }));
    return true;
  } catch {
    return false;
  }
}

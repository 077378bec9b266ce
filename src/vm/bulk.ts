/**
 * Copying and clearing many short pieces of guest memory, by a WebAssembly module of a few instructions: methods of typed arrays cost more to call than
 * a packet to copy, and on shared memory they go byte by byte.
 */
import { Wasm } from '../base/index.js';
import { ModuleBuilder } from '../wasm/index.js';
import type { GuestMemory } from './memory.js';

export interface Bulk {
  /** Copies `size` bytes, rounded up to whole words of 8, to where they do not overlap. */
  readonly copy: (to: number, from: number, size: number) => void;
  /** Sets `size` bytes to 0. */
  readonly clear: (at: number, size: number) => void;
}

export function bulkOf({ memory, isShared }: GuestMemory): Bulk {
  const module = new ModuleBuilder();
  module.importMemory('jitnic', 'memory', 1, 0xffff, isShared);
  const copy = module.declareFunction('copy', ['i32', 'i32', 'i32'], []);
  const body = module.bodyOf(copy);
  const [to, from, size] = [0, 1, 2] as const;
  body.getLocal(size).getLocal(to).op('i32.add').setLocal(size);
  body.block().loop();
  body.getLocal(to).getLocal(size).op('i32.ge_u').brIf(1);
  body.getLocal(to).getLocal(from).memory('i64.load').memory('i64.store');
  for (const pointer of [to, from]) body.getLocal(pointer).i32(8).op('i32.add').setLocal(pointer);
  body.br(0).end().end();
  module.define(copy, body);
  module.exportFunction('copy', copy);
  const clear = module.declareFunction('clear', ['i32', 'i32'], []);
  module.define(clear, module.bodyOf(clear).getLocal(0).i32(0).getLocal(1).memoryFill());
  module.exportFunction('clear', clear);
  const imports = { jitnic: { memory } };
  return new Wasm.Instance(new Wasm.Module(module.finish()), imports).exports as unknown as Bulk;
}

/**
 * A trace tree's function as a WebAssembly module. Its one export, `run(record, count, stride)`, decides packets until one misses, and says how many it has
 * decided. Records (src/vm/packet-record.ts) lie `stride` bytes apart. A decided packet's record holds verdict, number of the trace, packet ends if they
 * moved, redirect target; the record of the one that missed holds the number of the exit, and its packet is untouched.
 */
import type { FunctionCode } from '../ir/index.js';
import { emitInline, emitPrologue, type LookupCache, Services } from '../jit/index.js';
import { type Machine, record } from '../vm/index.js';
import { ModuleBuilder } from '../wasm/index.js';

/** Traces see to all else themselves; the record says where the packet was until they have decided it. */
const demands = { needsContext: false, movesPacket: false, redirects: false };

const recordParameter = 0;
const countParameter = 1;
const strideParameter = 2;

export interface CardModuleInput {
  readonly machine: Machine;
  readonly code: FunctionCode;
  /** Guest address of the exchange area. */
  readonly exchange: number;
  readonly cache: LookupCache;
}

export function compileCard({ machine, code, exchange, cache }: CardModuleInput): Uint8Array {
  const module = new ModuleBuilder();
  const services = new Services(machine, module, exchange, { demands, isChecked: false, contextIsThere: true, cache });
  const run = module.declareFunction('run', ['i32', 'i32', 'i32'], ['i32']);
  const out = module.bodyOf(run);
  const end = out.addLocal('i32');
  const exit = out.addLocal('i32');
  out.getLocal(recordParameter).getLocal(countParameter).getLocal(strideParameter).op('i32.mul').op('i32.add');
  out.setLocal(end);
  out.block();
  const stop = out.depth;
  out.loop();
  out.getLocal(recordParameter).getLocal(end).op('i32.eq').brIf(1);
  emitPrologue(out, services, recordParameter, demands);
  emitInline(out, services, code, recordParameter, (body, depth) => {
    body
      .setLocal(exit)
      .getLocal(recordParameter)
      .getLocal(exit)
      .memory('i32.store', record.trace)
      .br(depth - stop);
  });
  out.getLocal(recordParameter).getLocal(strideParameter).op('i32.add').setLocal(recordParameter).br(0);
  out.end().end();
  out.getLocal(countParameter);
  out.getLocal(end).getLocal(recordParameter).op('i32.sub').getLocal(strideParameter).op('i32.div_u').op('i32.sub');
  module.define(run, out);
  module.exportFunction('run', run);
  return module.finish({ names: false });
}

/**
 * A trace tree's functions as a WebAssembly module. Its one export, `run(record, count, stride)`, decides packets
 * until one misses, and says how many it has decided. Records (src/vm/packet-record.ts) lie `stride` bytes apart. A
 * decided packet's record holds verdict, number of the trace, packet ends if they moved, redirect target; the record
 * of the one that missed holds the number of the exit, and its packet is untouched.
 *
 * The first function is the packet loop's body; it calls the others, `(record) -> 0, or the exit's word plus 1`.
 */
import type { FunctionCode } from '../../ir/index.js';
import { emitArrival, emitPrologue, type Frame, FunctionEmitter, type LookupCache, Services } from '../../jit/index.js';
import { type Machine, record } from '../../vm/index.js';
import { ModuleBuilder } from '../../wasm/index.js';

/** Traces see to all else themselves; the record says where the packet was until they have decided it. */
const demands = { needsContext: false, movesPacket: false, redirects: false };

const recordParameter = 0;
const countParameter = 1;
const strideParameter = 2;

/** What a module is made for: a machine, whose addresses are in the code, and the functions of one tree. */
export interface CardModuleInput {
  readonly machine: Machine;
  readonly functions: readonly [FunctionCode, ...FunctionCode[]];
  /** Guest address of the exchange area. */
  readonly exchange: number;
  /** Guest address of the region where keys are put together. */
  readonly keys: number;
  readonly cache: LookupCache;
}

/** The module's bytes. Throws what code generation throws for code that the checker would have refused. */
export function compileCard({ machine, functions, exchange, keys, cache }: CardModuleInput): Uint8Array {
  const module = new ModuleBuilder();
  const services = new Services(
    machine,
    module,
    { exchange, keys },
    { demands, isChecked: false, contextIsThere: true, cache },
  );
  const [first, ...others] = functions;
  const run = module.declareFunction('run', ['i32', 'i32', 'i32'], ['i32']);
  const indices = others.map((_, i) => module.declareFunction(`traces_${i + 1}`, ['i32'], ['i32']));
  /** By number; the first is never called. */
  const callees = [run, ...indices];
  const frame = { machine, services, record: recordParameter, callees };
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
  const arrival = emitArrival(out, recordParameter, demands);
  out.block();
  const decided = out.depth;
  const loop: Frame = {
    ...frame,
    arrival,
    leave: (body, depth) => {
      body.op('drop').br(depth - decided);
    },
    miss: (body, depth) => {
      body.setLocal(exit).getLocal(recordParameter).getLocal(exit).memory('i32.store', record.trace);
      body.br(depth - stop);
    },
  };
  new FunctionEmitter(first, out, loop).emit();
  out.end();
  out.getLocal(recordParameter).getLocal(strideParameter).op('i32.add').setLocal(recordParameter).br(0);
  out.end().end();
  out.getLocal(countParameter);
  out.getLocal(end).getLocal(recordParameter).op('i32.sub').getLocal(strideParameter).op('i32.div_u').op('i32.sub');
  module.define(run, out);
  module.exportFunction('run', run);
  for (const [i, code] of others.entries()) {
    const index = indices[i] as number;
    const body = module.bodyOf(index);
    const called: Frame = {
      ...frame,
      arrival: emitArrival(body, recordParameter, demands),
      leave: (to) => {
        to.op('drop').i32(0).op('return');
      },
      miss: (to) => {
        to.i32(1).op('i32.add').op('return');
      },
    };
    new FunctionEmitter(code, body, called).emit();
    module.define(index, body);
  }
  return module.finish({ names: false });
}

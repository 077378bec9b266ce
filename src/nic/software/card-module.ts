/**
 * A trace tree's functions as a WebAssembly module. Its one export, `run(record, count, stride)`, decides packets
 * until one misses, and says how many it has decided. Records (src/vm/packet-record.ts) lie `stride` bytes apart. A
 * decided packet's record holds verdict, number of the trace, packet ends if they moved, redirect target; the record
 * of the one that missed holds the number of the exit, and its packet is untouched. A packet that misses where nobody
 * wants to know (passes.ts) goes on in the program, and the batch with it.
 *
 * The first function is the packet loop's body; it calls the others, `(record) -> 0, or the exit's word plus 1`.
 */
import type { FunctionCode } from '../../ir/index.js';
import { emitArrival, emitPrologue, type Frame, FunctionEmitter, type LookupCache, Services } from '../../jit/index.js';
import { type Machine, record } from '../../vm/index.js';
import { type CodeBuilder, ModuleBuilder } from '../../wasm/index.js';
import { exitMask } from './lower-tree.js';
import { mostPlaces, noTrace, passWords } from './passes.js';

/** Traces see to all else themselves; the record says where the packet was until they have decided it. */
const demands = { needsContext: false, movesPacket: false, redirects: false };

const recordParameter = 0;
const countParameter = 1;
const strideParameter = 2;
/** Not 0: packets may go on in the program. */
const passingParameter = 3;

/** What a module is made for: a machine, whose addresses are in the code, and the functions of one tree. */
export interface CardModuleInput {
  readonly machine: Machine;
  readonly functions: readonly [FunctionCode, ...FunctionCode[]];
  /** Guest address of the exchange area. */
  readonly exchange: number;
  /** Guest address of the region where keys are put together. */
  readonly keys: number;
  readonly cache: LookupCache;
  /** Guest address of what {@link PassWords} tells. */
  readonly passes: number;
}

/** The module's bytes. Throws what code generation throws for code that the checker would have refused. */
export function compileCard({ machine, functions, exchange, keys, cache, passes }: CardModuleInput): Uint8Array {
  const module = new ModuleBuilder();
  const program = module.importFunction('program', 'run', ['i32', 'i32'], []);
  const services = new Services(
    machine,
    module,
    { exchange, keys },
    { demands, isChecked: false, contextIsThere: true, cache },
  );
  const [first, ...others] = functions;
  const run = module.declareFunction('run', ['i32', 'i32', 'i32', 'i32'], ['i32']);
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
  out.block();
  const missed = out.depth;
  const loop: Frame = {
    ...frame,
    arrival,
    leave: (body, depth) => {
      body.op('drop').br(depth - decided);
    },
    miss: (body, depth) => {
      body.setLocal(exit).br(depth - missed);
    },
  };
  new FunctionEmitter(first, out, loop).emit();
  out.end();
  out.getLocal(passingParameter).if();
  emitPass(out, { exit, passes, period: cache.period, program, decided });
  out.end();
  out
    .getLocal(recordParameter)
    .getLocal(exit)
    .memory('i32.store', record.trace)
    .br(out.depth - stop);
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

/** What {@link emitPass} needs: local of the exit's word, addresses, the program, and where packets go on. */
interface PassSite {
  readonly exit: number;
  readonly passes: number;
  readonly period: number;
  readonly program: number;
  /** Depth of the block behind which the next packet begins. */
  readonly decided: number;
}

/**
 * The packet left the traces: if there are passes for its place, or for any, one is taken and the program runs it.
 * Look-ups are made anew after that, since the program may have moved elements.
 */
function emitPass(out: CodeBuilder, { exit, passes, period, program, decided }: PassSite): void {
  const word = out.addLocal('i32');
  const count = (at: number, by: number): void => {
    out.i32(at).i32(at).memory('i32.load').i32(by).op('i32.add').memory('i32.store');
  };
  out.getLocal(exit).i32(exitMask).op('i32.and').teeLocal(word).i32(mostPlaces).op('i32.lt_u').if();
  out
    .getLocal(word)
    .i32(2)
    .op('i32.shl')
    .i32(passes + passWords.places)
    .op('i32.add')
    .setLocal(word);
  out.getLocal(word).memory('i32.load').op('i32.eqz').if();
  out
    .i32(passes + passWords.anywhere)
    .setLocal(word)
    .end();
  out
    .else()
    .i32(passes + passWords.anywhere)
    .setLocal(word)
    .end();
  out.getLocal(word).memory('i32.load').if();
  out.getLocal(word).getLocal(word).memory('i32.load').i32(1).op('i32.sub').memory('i32.store');
  count(passes + passWords.passed, 1);
  count(period, 1);
  out.getLocal(recordParameter).i32(1).call(program);
  out.getLocal(recordParameter).i32(noTrace).memory('i32.store', record.trace);
  out.br(out.depth - decided);
  out.end();
}

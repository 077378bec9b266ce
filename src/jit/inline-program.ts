/** A program as the body of a packet loop: no call a packet. */
import type { FunctionCode } from '../ir/index.js';
import { record } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import { emitArrival } from './context-code.js';
import { type Frame, FunctionEmitter } from './function-emitter.js';
import type { Services } from './services.js';

/** Runs the program on the record whose address is in local `at`, and writes r0 there. */
export function emitInline(out: CodeBuilder, services: Services, code: FunctionCode, at: number): void {
  const arrival = emitArrival(out, at, services.demands);
  out.getLocal(at);
  out.block('i64');
  const outer = out.depth;
  const frame: Frame = {
    machine: services.machine,
    services,
    record: at,
    arrival,
    leave: (body, depth) => {
      body.br(depth - outer);
    },
  };
  new FunctionEmitter(code, out, frame).emit();
  out.end();
  out.memory('i64.store', record.r0);
}

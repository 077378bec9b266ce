/**
 * bpf_xdp_adjust_head, _meta and _tail on the packet's record; each is what its namesake in src/vm/packet-buffer.ts
 * does.
 */
import { errno, ethHeader, maxMeta, tailReserve, xdpFrameSize } from '../platform/index.js';
import { record } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import { emitContext } from './context-code.js';
import type { Services } from './services.js';

/** Parameters: record, delta. The sum of a field and the delta is made in 64 bits, where it does not wrap. */
const at = 0;
const delta = 1;

/** Fields of the record as i64, in locals. */
function read<Fields extends readonly number[]>(
  out: CodeBuilder,
  ...fields: Fields
): { readonly [Field in keyof Fields]: number } {
  const locals = fields.map((field) => {
    const local = out.addLocal('i64');
    out.getLocal(at).memory('i64.load32_u', field).setLocal(local);
    return local;
  });
  return locals as { readonly [Field in keyof Fields]: number };
}

/** Pushes `field` + delta. */
function pushMoved(out: CodeBuilder, field: number): CodeBuilder {
  return out.getLocal(field).getLocal(delta).op('i64.extend_i32_s').op('i64.add');
}

/** If the condition on the stack holds: the helper returns the error, and nothing has changed. */
function refuse(out: CodeBuilder, error: number): void {
  out.if().i32(-error).op('return').end();
}

/** Writes a field of the packet's record: the low half of what `push` leaves. */
function write(out: CodeBuilder, field: number, push: () => void): void {
  out.getLocal(at);
  push();
  out.op('i32.wrap_i64').memory('i32.store', field);
}

/** Success: the context follows the record if somebody reads it, and 0 is returned. */
function finish(out: CodeBuilder, services: Services, index: number): number {
  if (services.demands.needsContext) emitContext(out, services, at);
  out.i32(0);
  services.module.define(index, out);
  return index;
}

/** bpf_xdp_adjust_head as a function of the module. */
export function defineAdjustHead(services: Services): number {
  const { module } = services;
  const index = module.declareFunction('adjust_head', ['i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const [data, end, meta, start] = read(out, record.data, record.dataEnd, record.dataMeta, record.frameStart);
  const next = out.addLocal('i64');
  const size = out.addLocal('i64');
  pushMoved(out, data).setLocal(next);
  out.getLocal(data).getLocal(meta).op('i64.sub').setLocal(size);
  out
    .getLocal(next)
    .getLocal(start)
    .i64(BigInt(xdpFrameSize))
    .op('i64.add')
    .getLocal(size)
    .op('i64.add')
    .op('i64.lt_s');
  out.getLocal(next).getLocal(end).i64(BigInt(ethHeader)).op('i64.sub').op('i64.gt_s').op('i32.or');
  refuse(out, errno.EINVAL);
  out.getLocal(size).op('i64.eqz').op('i32.eqz').if();
  pushMoved(out, meta).op('i32.wrap_i64').getLocal(meta).op('i32.wrap_i64').getLocal(size).op('i32.wrap_i64');
  out.memoryCopy().end();
  write(out, record.data, () => out.getLocal(next));
  write(out, record.dataMeta, () => out.getLocal(next).getLocal(size).op('i64.sub'));
  return finish(out, services, index);
}

/** bpf_xdp_adjust_meta as a function of the module. */
export function defineAdjustMeta(services: Services): number {
  const { module } = services;
  const index = module.declareFunction('adjust_meta', ['i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const [data, meta, start] = read(out, record.data, record.dataMeta, record.frameStart);
  const next = out.addLocal('i64');
  const size = out.addLocal('i64');
  pushMoved(out, meta).setLocal(next);
  out.getLocal(next).getLocal(start).i64(BigInt(xdpFrameSize)).op('i64.add').op('i64.lt_s');
  out.getLocal(next).getLocal(data).op('i64.gt_s').op('i32.or');
  refuse(out, errno.EINVAL);
  out.getLocal(data).getLocal(next).op('i64.sub').setLocal(size);
  out.getLocal(size).i64(3n).op('i64.and').op('i64.eqz').op('i32.eqz');
  out.getLocal(size).i64(BigInt(maxMeta)).op('i64.gt_u').op('i32.or');
  refuse(out, errno.EACCES);
  write(out, record.dataMeta, () => out.getLocal(next));
  return finish(out, services, index);
}

/** For packets without fragments. */
export function defineAdjustTail(services: Services): number {
  const { module } = services;
  const index = module.declareFunction('adjust_tail', ['i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const [data, end, start, size] = read(out, record.data, record.dataEnd, record.frameStart, record.frameSize);
  const next = out.addLocal('i64');
  pushMoved(out, end).setLocal(next);
  out.getLocal(next).getLocal(start).getLocal(size).op('i64.add').i64(BigInt(tailReserve)).op('i64.sub').op('i64.gt_s');
  out.getLocal(next).getLocal(data).i64(BigInt(ethHeader)).op('i64.add').op('i64.lt_s').op('i32.or');
  refuse(out, errno.EINVAL);
  out.getLocal(delta).i32(0).op('i32.gt_s').if();
  out.getLocal(end).op('i32.wrap_i64').i32(0).getLocal(delta).memoryFill().end();
  write(out, record.dataEnd, () => out.getLocal(next));
  return finish(out, services, index);
}

/**
 * Ring buffers: what `reserve`, `submit`, `discard` and `output` of src/vm/maps/ringbuf.ts do, store by store. A
 * record that wraps is left to JavaScript, and so is a buffer that has no room because its consumer, which takes the
 * records of a packet before the next packet, is late: in a batch that happens only when someone looks.
 */
import { errno } from '../platform/index.js';
import { type MapLayout, ringLayout } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import { emitCopy } from './copy-code.js';
import { leftToHost } from './exchange.js';
import type { Services } from './services.js';

/** Places of one ring buffer. */
export type RingLayout = MapLayout & { readonly kind: 'ring' };

const { consumerAt, producerAt, pendingAt, packetStartAt, packetAt } = ringLayout;
const { headerSize, firstDataPage, pageBits, busyBit, lengthMask } = ringLayout;

/** (size, packet's record) -> address of that many bytes, 0, or {@link leftToHost}. */
export function defineRingReserve(services: Services, layout: RingLayout): number {
  const { positions, data, size } = layout;
  const index = services.module.declareFunction('ring_reserve', ['i32', 'i32'], ['i32']);
  const out = services.module.bodyOf(index);
  const [sample, packet] = [0, 1];
  const length = out.addLocal('i32');
  const header = out.addLocal('i32');
  const producer = out.addLocal('i64');
  const end = out.addLocal('i64');
  const position = (at: number): CodeBuilder => out.i32(positions).memory('i64.load', at);
  const leave = (result: number): void => {
    out.if().i32(result).op('return').end();
  };

  out.getLocal(sample).i32(size).op('i32.ge_u');
  leave(0);
  pushRecordSize(() => out.getLocal(sample)).teeLocal(length);
  out.i32(size).op('i32.gt_u');
  leave(0);
  position(producerAt).setLocal(producer);
  out.i32(positions).memory('i32.load', packetAt).getLocal(packet).op('i32.ne').if();
  out.i32(positions).getLocal(packet).memory('i32.store', packetAt);
  out.i32(positions).getLocal(producer).memory('i64.store', packetStartAt).end();

  const pending = emitPending(out, layout, producer);
  out.getLocal(producer).getLocal(length).op('i64.extend_i32_u').op('i64.add').setLocal(end);
  const isFull = (push: () => CodeBuilder): CodeBuilder => {
    out.getLocal(end);
    return push().op('i64.sub').i64(BigInt(size)).op('i64.ge_u');
  };
  isFull(() => out.getLocal(pending));
  leave(0);
  isFull(() => position(consumerAt)).if();
  if (services.machine.hasConsumer) {
    position(consumerAt);
    position(packetStartAt).op('i64.ne');
    leave(leftToHost);
  }
  out.i32(0).op('return').end();

  pushHeader(out, layout, producer).teeLocal(header).getLocal(length).op('i32.add');
  out.i32(data + size).op('i32.gt_u');
  leave(leftToHost);
  out.getLocal(header).getLocal(sample).i32(busyBit).op('i32.or').memory('i32.store');
  out.getLocal(header).getLocal(header).i32(data).op('i32.sub').i32(pageBits).op('i32.shr_u');
  out.i32(firstDataPage).op('i32.add').memory('i32.store', 4);
  out.i32(positions).getLocal(end).memory('i64.store', producerAt);
  out.getLocal(header).i32(headerSize).op('i32.add');
  services.module.define(index, out);
  return index;
}

/** (sample) -> 0 or {@link leftToHost}. `bit`: 0 or BPF_RINGBUF_DISCARD_BIT. */
export function defineRingClose(services: Services, { data, size }: RingLayout, bit: number): number {
  const name = bit === 0 ? 'ring_submit' : 'ring_discard';
  const index = services.module.declareFunction(name, ['i32'], ['i32']);
  const out = services.module.bodyOf(index);
  const word = out.addLocal('i32');
  const header = out.addLocal('i32');
  out.getLocal(0).i32(headerSize).op('i32.sub').teeLocal(header).memory('i32.load').setLocal(word);
  pushRecordSize(() => out.getLocal(word))
    .getLocal(header)
    .op('i32.add');
  out
    .i32(data + size)
    .op('i32.gt_u')
    .if()
    .i32(leftToHost)
    .op('return')
    .end();
  out.getLocal(header).getLocal(word).i32(lengthMask).op('i32.and');
  if (bit !== 0) out.i32(bit).op('i32.or');
  out.memory('i32.store').i32(0);
  services.module.define(index, out);
  return index;
}

/**
 * (data, size, packet's record) -> 0, an error number, or {@link leftToHost}. `size`: bytes, if known when code is
 * made.
 */
export function defineRingOutput(services: Services, reserve: number, size: number | undefined): number {
  const index = services.module.declareFunction(`ring_output_${size ?? 'any'}`, ['i32', 'i32', 'i32'], ['i32']);
  const out = services.module.bodyOf(index);
  const [from, bytes, packet] = [0, 1, 2];
  const sample = out.addLocal('i32');
  out.getLocal(bytes).getLocal(packet).call(reserve).teeLocal(sample).op('i32.eqz').if();
  out.i32(-errno.EAGAIN).op('return').end();
  out.getLocal(sample).i32(leftToHost).op('i32.eq').if().i32(leftToHost).op('return').end();
  out.getLocal(sample).getLocal(from);
  if (size === undefined) out.getLocal(bytes).memoryCopy();
  else emitCopy(out, size);
  out.getLocal(sample).i32(headerSize).op('i32.sub').getLocal(bytes).memory('i32.store').i32(0);
  services.module.define(index, out);
  return index;
}

/** Pushes the bytes that a record with this length word takes up. */
function pushRecordSize(push: () => CodeBuilder): CodeBuilder {
  return push()
    .i32(lengthMask)
    .op('i32.and')
    .i32(headerSize + 7)
    .op('i32.add')
    .i32(-8)
    .op('i32.and');
}

function pushHeader(out: CodeBuilder, { data, size }: RingLayout, position: number): CodeBuilder {
  return out
    .getLocal(position)
    .op('i32.wrap_i64')
    .i32(size - 1)
    .op('i32.and')
    .i32(data)
    .op('i32.add');
}

/**
 * The oldest record that is still reserved moves behind those that were closed. Returns the local that holds its
 * position.
 */
function emitPending(out: CodeBuilder, layout: RingLayout, producer: number): number {
  const pending = out.addLocal('i64');
  const word = out.addLocal('i32');
  out.i32(layout.positions).memory('i64.load', pendingAt).setLocal(pending);
  out.block().loop();
  out.getLocal(pending).getLocal(producer).op('i64.ge_u').brIf(1);
  pushHeader(out, layout, pending).memory('i32.load').teeLocal(word);
  out.i32(0).op('i32.lt_s').brIf(1);
  out.getLocal(pending);
  pushRecordSize(() => out.getLocal(word))
    .op('i64.extend_i32_u')
    .op('i64.add')
    .setLocal(pending)
    .br(0);
  out.end().end();
  out.i32(layout.positions).getLocal(pending).memory('i64.store', pendingAt);
  return pending;
}

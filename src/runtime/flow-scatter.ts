/**
 * Packets of a capture to the rings of several threads, by the flow that they belong to, as a WebAssembly module of
 * one function: it copies each packet, so that what was read can be overwritten.
 *
 * For each ring there are four words of where its open slot is:
 *
 *     address of the columns | address of the bytes | packets in it | bytes in it
 */
import { Wasm, type WasmMemory } from '../base/index.js';
import { type CodeBuilder, ModuleBuilder } from '../wasm/index.js';

/** Bytes of the words of one ring. */
export const openSlotSize = 16;

/** Where everything lies in the shared memory. */
export interface ScatterPlan {
  readonly rings: number;
  /**
   * Addresses: columns of what comes in (offset u32, length u32, time u64, `most` of each), the words of the rings, a
   * word for the full ring.
   */
  readonly columns: number;
  readonly most: number;
  readonly open: number;
  readonly full: number;
  /** Packets and bytes that a slot holds; its columns are laid out like those of what comes in. */
  readonly slotPackets: number;
  readonly slotBytes: number;
}

/**
 * (from, to, base): packets `from` to `to` (exclusive) of the columns, whose offsets plus `base` are addresses, to the
 * slots of their rings. Returns the index of the first one whose slot is full, and notes its ring; else `to`.
 */
export type Scatter = (from: number, to: number, base: number) => number;

/** Packets begin at multiples of this in a slot: copying to shared memory goes by whole words. */
const alignment = 8;

/**
 * Compiles the module. `scatter(i, to, base)` hands out packets from `i` on and stops at `to` or at a packet whose
 * ring has no room, which it names; returns the packet that comes next.
 */
export function scatterCode(memory: WasmMemory, plan: ScatterPlan): Scatter {
  const module = new ModuleBuilder();
  module.importMemory('jitnic', 'memory', 1, 0xffff, true);
  const index = module.declareFunction('scatter', ['i32', 'i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const [i, to, base] = [0, 1, 2] as const;
  const local = (): number => out.addLocal('i32');
  const [data, length, ring, open, count, position, at] = [
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
  ];
  const column = (wide: boolean, start: number): void => {
    out
      .getLocal(i)
      .i32(wide ? 3 : 2)
      .op('i32.shl')
      .memory(wide ? 'i64.load' : 'i32.load', plan.columns + start);
  };
  out.block().loop();
  out.getLocal(i).getLocal(to).op('i32.ge_u').brIf(1);
  column(false, 0);
  out.getLocal(base).op('i32.add').setLocal(data);
  column(false, 4 * plan.most);
  out.setLocal(length);
  emitFlowHash(out, data, length);
  out.i32(plan.rings).op('i32.rem_u').teeLocal(ring).i32(openSlotSize).op('i32.mul').i32(plan.open).op('i32.add');
  out.teeLocal(open).memory('i32.load', 8).teeLocal(count).i32(plan.slotPackets).op('i32.ge_u');
  out
    .getLocal(open)
    .memory('i32.load', 12)
    .teeLocal(position)
    .getLocal(length)
    .op('i32.add')
    .i32(plan.slotBytes)
    .op('i32.gt_u');
  out.op('i32.or').if().i32(plan.full).getLocal(ring).memory('i32.store').br(2).end();

  const { slotPackets } = plan;
  const toColumn = (wide: boolean): void => {
    out
      .getLocal(open)
      .memory('i32.load')
      .getLocal(count)
      .i32(wide ? 3 : 2)
      .op('i32.shl')
      .op('i32.add');
  };
  toColumn(false);
  out.getLocal(position).memory('i32.store');
  toColumn(false);
  out.getLocal(length).memory('i32.store', 4 * slotPackets);
  toColumn(true);
  column(true, 8 * plan.most);
  out.memory('i64.store', 8 * slotPackets);

  out.getLocal(open).memory('i32.load', 4).getLocal(position).op('i32.add').setLocal(at);
  out
    .getLocal(position)
    .getLocal(length)
    .op('i32.add')
    .i32(alignment - 1)
    .op('i32.add')
    .i32(-alignment)
    .op('i32.and');
  out.setLocal(position);
  out.getLocal(open).getLocal(position).memory('i32.store', 12);
  out.getLocal(open).getLocal(count).i32(1).op('i32.add').memory('i32.store', 8);
  // Whole words: slots and what comes in have some bytes behind them.
  out.getLocal(data).getLocal(length).op('i32.add').setLocal(length);
  out.block().loop();
  out.getLocal(data).getLocal(length).op('i32.ge_u').brIf(1);
  out.getLocal(at).getLocal(data).memory('i64.load').memory('i64.store');
  for (const pointer of [at, data]) out.getLocal(pointer).i32(8).op('i32.add').setLocal(pointer);
  out.br(0).end().end();
  out.getLocal(i).i32(1).op('i32.add').setLocal(i).br(0).end().end();
  out.getLocal(i);
  module.define(index, out);
  module.exportFunction('scatter', index);
  const imports = { jitnic: { memory } };
  return new Wasm.Instance(new Wasm.Module(module.finish()), imports).exports['scatter'] as Scatter;
}

/** Pushes what `flowHash` (flow-hash.ts) says of the packet. */
function emitFlowHash(out: CodeBuilder, data: number, length: number): void {
  const [at, end, hash] = [out.addLocal('i32'), out.addLocal('i32'), out.addLocal('i32')];
  const isV6 = out.addLocal('i32');
  // 0x86dd as it lies in the packet; what is shorter is not looked at.
  out.getLocal(length).i32(13).op('i32.gt_u').if('i32');
  out.getLocal(data).memory('i32.load16_u', 12).i32(0xdd86).op('i32.eq').else().i32(0).end().setLocal(isV6);
  out.i32(22).i32(26).getLocal(isV6).op('select').getLocal(data).op('i32.add').setLocal(at);
  out.i32(58).i32(38).getLocal(isV6).op('select').teeLocal(end).getLocal(length);
  out.getLocal(end).getLocal(length).op('i32.lt_u').op('select').getLocal(data).op('i32.add').setLocal(end);
  out.i32(0x811c9dc5 | 0).setLocal(hash);
  out.block().loop();
  out.getLocal(at).getLocal(end).op('i32.ge_u').brIf(1);
  out.getLocal(hash).getLocal(at).memory('i32.load8_u').op('i32.xor').i32(0x01000193).op('i32.mul').setLocal(hash);
  out.getLocal(at).i32(1).op('i32.add').setLocal(at).br(0).end().end();
  out.getLocal(hash);
}

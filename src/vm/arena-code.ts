/**
 * What is done for each packet of an arena, as a WebAssembly module of three functions: methods of typed arrays cost
 * more to call than a packet to copy (on shared memory they go byte by byte), and a record is a dozen stores that
 * JavaScript checks one by one.
 *
 * Packets come in columns in guest memory, one array behind the other:
 *
 *     offset u32[capacity] | length u32[capacity] | time u64[capacity] | cpu u32[capacity]
 */
import { Wasm } from '../base/index.js';
import { headroom, pageFrame, tailReserve, verdictNames } from '../platform/index.js';
import { type CodeBuilder, ModuleBuilder } from '../wasm/index.js';
import type { GuestMemory } from './memory.js';
import type { PacketMoves } from './packet-moves.js';
import { record } from './packet-record.js';

/** In a record's `trace`: no card has decided the packet. */
export const noTrace = 0xffff_ffff;

/**
 * Packets begin at multiples of this: a cache line. Frames that are pages apart would share a handful of cache sets,
 * so one line is added.
 */
export const line = 64;

/** Bytes of the columns of one packet. */
export const columnBytes = 20;

/** What the code is compiled for; all of it is constant as long as the arena lives. */
export interface ArenaPlan {
  readonly moves: PacketMoves;
  readonly capacity: number;
  /** Guest address of the columns. */
  readonly columns: number;
  /** Guest address behind the frames; no matter where there are none. */
  readonly framesEnd: number;
  /** Guest address of a word for each verdict, which `count` writes. */
  readonly counts: number;
  /** Guest address of a word, which `fill` writes: where the frame behind the last one begins. */
  readonly nextFrame: number;
}

/** The three functions. */
export interface ArenaCode {
  /**
   * Makes records from `record` on of the first `count` packets of the columns, up to one that is longer than
   * `longest` or has no room. A column's offset plus `shift` is a guest address; `frame` is where the next frame
   * begins. Returns how many it made.
   */
  readonly fill: (
    record: number,
    count: number,
    shift: number,
    frame: number,
    longest: number,
    ingressIfindex: number,
    rxQueueIndex: number,
    egressIfindex: number,
  ) => number;
  /** Counts verdicts of `count` records; one that is no index counts as 0, ABORTED. */
  readonly count: (record: number, count: number) => void;
  /** Sets `size` bytes to 0. */
  readonly clear: (at: number, size: number) => void;
}

/** Compiles the code over a machine's guest memory. */
export function arenaCode({ memory, isShared }: GuestMemory, plan: ArenaPlan): ArenaCode {
  const module = new ModuleBuilder();
  module.importMemory('jitnic', 'memory', 1, 0xffff, isShared);
  defineFill(module, plan);
  defineCount(module, plan);
  const clear = module.declareFunction('clear', ['i32', 'i32'], []);
  module.define(clear, module.bodyOf(clear).getLocal(0).i32(0).getLocal(1).memoryFill());
  module.exportFunction('clear', clear);
  const imports = { jitnic: { memory } };
  return new Wasm.Instance(new Wasm.Module(module.finish()), imports).exports as unknown as ArenaCode;
}

const fillParameters = ['record', 'count', 'shift', 'frame', 'longest', 'ingress', 'rxQueue', 'egress'] as const;

function defineFill(module: ModuleBuilder, plan: ArenaPlan): void {
  const { moves, capacity, columns, framesEnd, nextFrame } = plan;
  const fill = module.declareFunction(
    'fill',
    fillParameters.map(() => 'i32'),
    ['i32'],
  );
  const out = module.bodyOf(fill);
  const [at, count, shift, frame, longest, ingress, rxQueue, egress] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
  const [i, length, data, frameStart, frameSize, next] = Array.from({ length: 6 }, () => out.addLocal('i32')) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const column = (shiftBy: number, start: number): void => {
    out
      .getLocal(i)
      .i32(shiftBy)
      .op('i32.shl')
      .memory(shiftBy === 3 ? 'i64.load' : 'i32.load', columns + start);
  };
  out.block().loop();
  out.getLocal(i).getLocal(count).op('i32.ge_u').brIf(1);
  column(2, 4 * capacity);
  out.teeLocal(length).getLocal(longest).op('i32.gt_u').brIf(1);
  // frameSizeOf(length)
  out
    .i32(pageFrame)
    .getLocal(length)
    .i32(headroom + tailReserve)
    .op('i32.add')
    .teeLocal(frameSize);
  out.i32(pageFrame).getLocal(frameSize).op('i32.ge_u').op('select').setLocal(frameSize);
  column(2, 0);
  out.getLocal(shift).op('i32.add').setLocal(data);
  if (moves === 'none') out.getLocal(data).i32(headroom).op('i32.sub').setLocal(frameStart);
  else {
    const size = moves === 'tail' ? [frameSize, line] : [length, headroom];
    out.getLocal(frame).teeLocal(frameStart);
    out
      .getLocal(size[0] as number)
      .i32((size[1] as number) + line - 1)
      .op('i32.add')
      .i32(-line)
      .op('i32.and');
    out.op('i32.add').teeLocal(next).i32(framesEnd).op('i32.gt_u').brIf(1);
    if (moves === 'tail') out.getLocal(frameStart).i32(0).i32(headroom).memoryFill();
    emitCopy(out, { from: data, to: out.addLocal('i32'), end: out.addLocal('i32'), frameStart, length });
    out.getLocal(frameStart).i32(headroom).op('i32.add').setLocal(data);
    out.getLocal(next).setLocal(frame);
  }
  const store = (field: number, value: number): void => {
    out.getLocal(at).getLocal(value).memory('i32.store', field);
  };
  store(record.data, data);
  out.getLocal(at).getLocal(data).getLocal(length).op('i32.add').memory('i32.store', record.dataEnd);
  store(record.dataMeta, data);
  store(record.ingressIfindex, ingress);
  store(record.rxQueueIndex, rxQueue);
  store(record.egressIfindex, egress);
  out.getLocal(at);
  column(3, 8 * capacity);
  out.memory('i64.store', record.now);
  out
    .getLocal(at)
    .i32(noTrace | 0)
    .memory('i32.store', record.trace);
  store(record.frameStart, frameStart);
  store(record.frameSize, frameSize);
  out.getLocal(at).i32(0).memory('i32.store', record.redirect);
  out.getLocal(at);
  column(2, 16 * capacity);
  out.memory('i32.store', record.cpu);
  for (const [local, step] of [
    [at, record.size],
    [i, 1],
  ] as const)
    out.getLocal(local).i32(step).op('i32.add').setLocal(local);
  out.br(0).end().end();
  out.i32(nextFrame).getLocal(frame).memory('i32.store').getLocal(i);
  module.define(fill, out);
  module.exportFunction('fill', fill);
}

interface Copy {
  readonly from: number;
  readonly to: number;
  readonly end: number;
  readonly frameStart: number;
  readonly length: number;
}

/** Copies a packet, rounded up to 16 bytes: what is copied behind its end is of its own line. Moves `from`. */
function emitCopy(out: CodeBuilder, { from, to, end, frameStart, length }: Copy): void {
  out.getLocal(frameStart).i32(headroom).op('i32.add').teeLocal(to).getLocal(length).op('i32.add').setLocal(end);
  out.block().loop();
  out.getLocal(to).getLocal(end).op('i32.ge_u').brIf(1);
  for (const at of [0, 8]) out.getLocal(to).getLocal(from).memory('i64.load', at).memory('i64.store', at);
  for (const pointer of [to, from]) out.getLocal(pointer).i32(16).op('i32.add').setLocal(pointer);
  out.br(0).end().end();
}

function defineCount(module: ModuleBuilder, { counts }: ArenaPlan): void {
  const index = module.declareFunction('count', ['i32', 'i32'], []);
  const out = module.bodyOf(index);
  const [at, left] = [0, 1] as const;
  const verdict = out.addLocal('i32');
  const numbers = verdictNames.map(() => out.addLocal('i32'));
  const [first = 0, ...others] = numbers;
  out.getLocal(left).setLocal(first);
  out.block().loop();
  out.getLocal(left).op('i32.eqz').brIf(1);
  out.getLocal(at).memory('i32.load', record.r0).setLocal(verdict);
  for (const [i, number] of others.entries())
    out
      .getLocal(verdict)
      .i32(i + 1)
      .op('i32.eq')
      .getLocal(number)
      .op('i32.add')
      .setLocal(number);
  out.getLocal(at).i32(record.size).op('i32.add').setLocal(at);
  out.getLocal(left).i32(1).op('i32.sub').setLocal(left);
  out.br(0).end().end();
  // What is no other verdict is the first.
  for (const number of others) out.getLocal(first).getLocal(number).op('i32.sub').setLocal(first);
  for (const [i, number] of numbers.entries())
    out
      .i32(counts + 4 * i)
      .getLocal(number)
      .memory('i32.store');
  module.define(index, out);
  module.exportFunction('count', index);
}

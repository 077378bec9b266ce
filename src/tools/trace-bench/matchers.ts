/**
 * Two other ways to find a packet's trace, over ternary rows, as WebAssembly that reads tables in memory of its own: a
 * scan of all rows, one after another, which is what a TCAM does at once; and tuple-space search (Srinivasan, Suri and
 * Varghese 1999; Open vSwitch): rows with the same mask share a hash table, and one table after another is asked.
 *
 *     row      u32 cells, then for each: offset in the packet, mask, value
 *     group    u32 cells, table, slots - 1, number of its first row, then for each cell: offset, mask
 *     table    u32 slots: address of a row, or 0; the row's number stands in front of it
 *
 * The answer is the first row that matches. Where rows do not overlap, that is any; where they do, tables are asked in
 * the order of their first rows until no better one can come.
 */
import { Wasm } from '../../base/index.js';
import { type CodeBuilder, ModuleBuilder } from '../../wasm/index.js';

/** A test of a row: a word of the packet, under a mask. */
export interface Cell {
  /** Of a word of four bytes. */
  readonly offset: number;
  readonly mask: number;
  readonly value: number;
}

/** A ternary row; all of its cells have to hold. */
export type Row = readonly Cell[];

/** The two ways, over the same rows. */
export interface Matchers {
  /**
   * Runs over `count` packets, `stride` bytes apart from `packets` on; returns the sum of the rows' numbers plus 1.
   */
  readonly scan: (packets: number, count: number, stride: number) => number;
  readonly tuples: (packets: number, count: number, stride: number) => number;
  /** Tables that tuple-space search asks at most. */
  readonly masks: number;
  /** Guest address of where packets go. */
  readonly packets: number;
  readonly bytes: Uint8Array;
}

const golden = 0x9e3779b1;
/** The product's upper bits are those that depend on all of the key. */
const hashShift = 12;
/** Bytes for packets at the beginning of memory; tables stand behind. */
const packetRoom = 1 << 20;

/** Compiles both. `overlapping`: rows may hold at once and the first counts; else the first that is found will do. */
export function makeMatchers(rows: readonly Row[], overlapping = false): Matchers {
  const groups = new Map<string, number[]>();
  for (const [i, row] of rows.entries()) {
    const key = row.map(({ offset, mask }) => `${offset}:${mask}`).join(' ');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [i]);
    else group.push(i);
  }
  // All tables as 32-bit words. Address 0 ends a list, so nothing lies at the first word.
  const words: number[] = [0];
  const base = packetRoom;
  const at = (): number => base + 4 * words.length;
  const rowAt = rows.map((row, i) => {
    words.push(i + 1);
    const start = at();
    words.push(row.length);
    for (const { offset, mask, value } of row) words.push(offset, mask, value);
    return start;
  });
  // Open addressing with linear probing, at most half full: a miss ends at the first empty slot.
  const tables = [...groups.values()].map((members) => {
    let slots = 2;
    while (slots < 2 * members.length) slots *= 2;
    const table = new Array<number>(slots).fill(0);
    for (const i of members) {
      let slot = hashOf(rows[i] as Row) & (slots - 1);
      while (table[slot] !== 0) slot = (slot + 1) & (slots - 1);
      table[slot] = rowAt[i] as number;
    }
    const start = at();
    words.push(...table);
    return { start, slots };
  });
  const rowList = at();
  words.push(...rowAt, 0);
  // Groups come in the order of their first rows, since rows were grouped in theirs.
  const groupAt = [...groups.values()].map((members, g) => {
    const start = at();
    const row = rows[members[0] as number] as Row;
    const table = tables[g] as { start: number; slots: number };
    words.push(row.length, table.start, table.slots - 1, (members[0] as number) + 1);
    for (const { offset, mask } of row) words.push(offset, mask);
    return start;
  });
  const groupList = at();
  words.push(...groupAt, 0);

  const memory = new Wasm.Memory({ initial: Math.ceil((base + 4 * words.length) / 0x10000) + 1, maximum: 0x4000 });
  const bytes = new Uint8Array(memory.buffer);
  new Uint32Array(memory.buffer, base, words.length).set(words);
  const module = new ModuleBuilder();
  module.importMemory('m', 'memory', 1, 0x4000);
  defineLoop(module, 'scan', (out, packet) => emitScan(out, packet, rowList));
  defineLoop(module, 'tuples', (out, packet) => emitTuples(out, packet, groupList, overlapping));
  const compiled = new Wasm.Module(module.finish({ names: false }));
  const instance = new Wasm.Instance(compiled, { m: { memory } });
  const { scan, tuples } = instance.exports as unknown as Pick<Matchers, 'scan' | 'tuples'>;
  return { scan, tuples, masks: groups.size, packets: 0, bytes };
}

/** The hash of a row's values: the same steps that the emitted code takes over the packet's masked words. */
function hashOf(row: Row): number {
  let hash = 0;
  for (const { value } of row) hash = Math.imul(((hash << 7) | (hash >>> 25)) ^ value, golden);
  return hash >>> hashShift;
}

/** (packets, count, stride) -> sum; `emit` pushes the number of the packet's row plus 1, or 0. */
function defineLoop(module: ModuleBuilder, name: string, emit: (out: CodeBuilder, packet: number) => void): void {
  const index = module.declareFunction(name, ['i32', 'i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const sum = out.addLocal('i32');
  out.block().loop();
  out.getLocal(1).op('i32.eqz').brIf(1);
  out.block('i32');
  emit(out, 0);
  out.end();
  out.getLocal(sum).op('i32.add').setLocal(sum);
  out.getLocal(0).getLocal(2).op('i32.add').setLocal(0);
  out.getLocal(1).i32(1).op('i32.sub').setLocal(1).br(0);
  out.end().end();
  out.getLocal(sum);
  module.define(index, out);
  module.exportFunction(name, index);
}

/** Does the row at local `row` match? Leaves `if` open whose branch is taken if so. */
function emitRowTest(out: CodeBuilder, packet: number, row: number): void {
  const cell = out.addLocal('i32');
  const left = out.addLocal('i32');
  out.getLocal(row).memory('i32.load').setLocal(left);
  out.getLocal(row).i32(4).op('i32.add').setLocal(cell);
  out.block().loop();
  out.getLocal(left).op('i32.eqz').brIf(1);
  out.getLocal(packet).getLocal(cell).memory('i32.load').op('i32.add').memory('i32.load');
  out.getLocal(cell).memory('i32.load', 4).op('i32.and');
  out.getLocal(cell).memory('i32.load', 8).op('i32.ne').brIf(1);
  out.getLocal(cell).i32(12).op('i32.add').setLocal(cell);
  out.getLocal(left).i32(1).op('i32.sub').setLocal(left).br(0);
  out.end().end();
  out.getLocal(left).op('i32.eqz').if();
}

/** Inside of a block that gives the answer (depth 0 from here). */
function emitScan(out: CodeBuilder, packet: number, list: number): void {
  const next = out.addLocal('i32');
  const row = out.addLocal('i32');
  out.i32(list).setLocal(next).loop();
  out.getLocal(next).memory('i32.load').teeLocal(row).op('i32.eqz').if().i32(0).br(2).end();
  emitRowTest(out, packet, row);
  out.getLocal(row).i32(4).op('i32.sub').memory('i32.load').br(2).end();
  out.getLocal(next).i32(4).op('i32.add').setLocal(next).br(0);
  out.end().op('unreachable');
}

function emitTuples(out: CodeBuilder, packet: number, list: number, overlapping: boolean): void {
  const next = out.addLocal('i32');
  const group = out.addLocal('i32');
  const left = out.addLocal('i32');
  const cell = out.addLocal('i32');
  const hash = out.addLocal('i32');
  const row = out.addLocal('i32');
  const best = out.addLocal('i32');
  const found = out.addLocal('i32');
  out.i32(0).setLocal(best);
  out.i32(list).setLocal(next).loop();
  out.getLocal(next).memory('i32.load').teeLocal(group).op('i32.eqz').if().getLocal(best).br(2).end();
  if (overlapping) {
    // Tables stand in the order of their first rows; none has number 0, which is "no row yet".
    out.getLocal(best).if();
    out.getLocal(group).memory('i32.load', 12).getLocal(best).op('i32.ge_u').if().getLocal(best).br(3).end();
    out.end();
  }
  out.getLocal(group).memory('i32.load').setLocal(left);
  out.getLocal(group).i32(16).op('i32.add').setLocal(cell).i32(0).setLocal(hash);
  out.block().loop();
  out.getLocal(left).op('i32.eqz').brIf(1);
  out.getLocal(hash).i32(7).op('i32.rotl');
  out.getLocal(packet).getLocal(cell).memory('i32.load').op('i32.add').memory('i32.load');
  out
    .getLocal(cell)
    .memory('i32.load', 4)
    .op('i32.and')
    .op('i32.xor')
    .i32(golden | 0)
    .op('i32.mul')
    .setLocal(hash);
  out.getLocal(cell).i32(8).op('i32.add').setLocal(cell);
  out.getLocal(left).i32(1).op('i32.sub').setLocal(left).br(0);
  out.end().end();
  out.getLocal(hash).i32(hashShift).op('i32.shr_u').setLocal(hash);
  out.block().loop();
  out.getLocal(hash).getLocal(group).memory('i32.load', 8).op('i32.and').i32(2).op('i32.shl');
  out.getLocal(group).memory('i32.load', 4).op('i32.add').memory('i32.load').teeLocal(row).op('i32.eqz').brIf(1);
  emitRowTest(out, packet, row);
  out.getLocal(row).i32(4).op('i32.sub').memory('i32.load');
  if (overlapping) {
    out.setLocal(found);
    out.getLocal(best).op('i32.eqz').getLocal(found).getLocal(best).op('i32.lt_u').op('i32.or');
    out.if().getLocal(found).setLocal(best).end();
    out.br(2).end();
  } else out.br(4).end();
  out.getLocal(hash).i32(1).op('i32.add').setLocal(hash).br(0);
  out.end().end();
  out.getLocal(next).i32(4).op('i32.add').setLocal(next).br(0);
  out.end().op('unreachable');
}

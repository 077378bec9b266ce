/**
 * What is read again from the frame stays in a register that calls leave alone:
 *
 *     w1 = *(u8 *)(r6 + 9); [fp - 4] = w1; call f; w1 = [fp - 4]; if w1 == 17 goto a
 *         -> w7 = *(u8 *)(r6 + 9); [fp - 4] = w7; call f; if w7 == 17 goto a
 *
 * Compilers spill where registers are short, and read a key again that they built for a look-up; once code is in
 * other places a register may be free for it. A slot of the frame is a variable if all that touches its bytes are
 * loads and stores of just those, and calls that only read it. The register shadows it where a load is still to come:
 * each store puts the value there too, each load takes it from there; copies that could be one go by `coalesce`, and
 * stores of what no one reads any more by `dead`. Tried on a copy of the code, and done where fewer instructions run.
 */
import { type Insn, insnClass, op } from '../../isa/index.js';
import { demandsOf, flowOf } from '../analyses.js';
import type { Demands, Reach } from '../demand.js';
import { accessOf, isAtomic, isLoad, isStore, reads, writes } from '../effects.js';
import { copyState, isQuiet } from '../flow.js';
import { type Block, copyCode, type FunctionCode, followers, type Op } from '../function-code.js';
import { coalesce } from './coalesce.js';
import { dead } from './dead.js';
import type { PassContext } from './pass.js';

/** Registers that calls leave alone. */
const kept: readonly number[] = [6, 7, 8, 9];

/** The pass: one slot at a time. */
export function hold(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (holdOne(code, context)) changed = true;
  return changed;
}

function holdOne(code: FunctionCode, context: PassContext): boolean {
  const demands = demandsOf(code);
  if (!demands.isTracked) return false;
  for (const slot of slotsOf(code, demands)) {
    const live = shadowLife(code, slot);
    const register = live === undefined ? undefined : freeRegister(code, slot, live);
    if (live === undefined || register === undefined) continue;
    const made = shadowed(code, slot, live, register);
    if (made === undefined || !isBetter(code, made, context) || !context.allow(slot.about)) continue;
    for (const [i, block] of code.blocks.entries()) block.ops = made[i] as Op[]; // as many
    return true;
  }
  return false;
}

/** Bytes of the frame that only whole loads and stores touch. */
interface Slot {
  readonly size: number;
  readonly loads: ReadonlySet<Op>;
  readonly stores: ReadonlySet<Op>;
  /** The first load. */
  readonly about: Op;
}

/** All slots that are loaded from. */
function slotsOf(code: FunctionCode, demands: Demands): Slot[] {
  const touched: { readonly bytes: bigint; readonly each: Op | undefined }[] = [];
  for (const block of code.blocks) {
    const reach = demands.reachesOf(block);
    for (const [i, each] of block.ops.entries()) {
      const bytes = touchedBytes(each, reach[i], demands);
      if (bytes === undefined) return [];
      if (bytes !== 0n) touched.push({ bytes, each: isWhole(each) ? each : undefined });
    }
  }
  const slots: Slot[] = [];
  for (const bytes of new Set(touched.map((each) => each.bytes))) {
    const own = touched.filter((each) => (each.bytes & bytes) !== 0n);
    const ops = own.flatMap(({ each }) => each ?? []);
    const loads = ops.filter(({ insn }) => isLoad(insn));
    const [about] = loads;
    if (about === undefined || ops.length < own.length || own.some((each) => each.bytes !== bytes)) continue;
    const stores = new Set(ops.filter(({ insn }) => isStore(insn)));
    slots.push({ size: accessOf(about.insn)?.size ?? 8, loads: new Set(loads), stores, about });
  }
  return slots;
}

/** A plain load or store, as one instruction sees it. */
function isWhole({ insn, pinned }: Op): boolean {
  return !pinned && !isAtomic(insn) && (insn.code & 0xe0) === op.MODE_MEM;
}

/** Bytes of the frame that it reads or writes, but for calls that only read; undefined: any. */
function touchedBytes({ insn }: Op, reach: Reach, demands: Demands): bigint | undefined {
  if (reach === undefined) return isAtomic(insn) ? undefined : 0n;
  if ('place' in reach) return reach.place.region === 'stack' ? demands.bytesOf(reach.place) : 0n;
  const filled = reach.filled === undefined ? 0n : demands.bytesOf(reach.filled.place);
  if (filled === undefined || isQuiet(insn) || reach.from >= 0) return filled;
  if (reach.from < -512) return undefined;
  return filled | (((1n << 512n) - 1n) & ~((1n << BigInt(512 + reach.from)) - 1n));
}

/**
 * By block: is the slot loaded before it is stored, from the block's end on? Undefined where that is its beginning.
 */
function shadowLife(code: FunctionCode, slot: Slot): ReadonlyMap<Block, boolean> | undefined {
  const head = new Map<Block, boolean>();
  const end = new Map<Block, boolean>();
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of [...code.blocks].reverse()) {
      const out = followers(block).some((next) => head.get(next) === true);
      end.set(block, out);
      const now = block.ops.reduceRight((live, each) => liveBefore(slot, each, live), out);
      if (head.get(block) === now) continue;
      head.set(block, now);
      changed = true;
    }
  }
  const [entry] = code.blocks;
  return entry === undefined || head.get(entry) === true ? undefined : end;
}

function liveBefore({ loads, stores }: Slot, each: Op, live: boolean): boolean {
  return loads.has(each) || (live && !stores.has(each));
}

/** A register that holds nothing wherever the shadow is to. */
function freeRegister(code: FunctionCode, slot: Slot, live: ReadonlyMap<Block, boolean>): number | undefined {
  const heads = registerLife(code);
  let taken = 0;
  for (const block of code.blocks) {
    let registers = followers(block).reduce((set, next) => set | (heads.get(next) ?? 0), 0);
    let isLive = live.get(block) === true;
    if (isLive) taken |= registers;
    const { branch } = block;
    if (branch !== undefined) registers |= reads(branch.insn);
    for (const each of [...block.ops].reverse()) {
      if (isLive) taken |= registers | writes(each.insn);
      registers = (registers & ~writes(each.insn)) | reads(each.insn);
      isLive = liveBefore(slot, each, isLive);
    }
    if (isLive) taken |= registers;
  }
  return kept.find((r) => (taken & (1 << r)) === 0);
}

/** Registers, as bits, that are read before they are written from a block's head on. */
function registerLife(code: FunctionCode): ReadonlyMap<Block, number> {
  const heads = new Map<Block, number>();
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of [...code.blocks].reverse()) {
      const { branch } = block;
      const out = followers(block).reduce((set, next) => set | (heads.get(next) ?? 0), 0);
      const before = block.ops.reduceRight(
        (set, { insn }) => (set & ~writes(insn)) | reads(insn),
        branch === undefined ? out : out | reads(branch.insn),
      );
      if (heads.get(block) === before) continue;
      heads.set(block, before);
      changed = true;
    }
  }
  return heads;
}

/** The ops of all blocks with the shadow in a register; undefined where a stored value is wider than its slot. */
function shadowed(
  code: FunctionCode,
  slot: Slot,
  live: ReadonlyMap<Block, boolean>,
  register: number,
): Op[][] | undefined {
  const flow = flowOf(code);
  const limit = (1n << BigInt(8 * slot.size)) - 1n;
  const blocks: Op[][] = [];
  for (const block of code.blocks) {
    const after: boolean[] = [];
    block.ops.reduceRight((isLive, each, i) => {
      after[i] = isLive;
      return liveBefore(slot, each, isLive);
    }, live.get(block) === true);
    const entry = flow.entry.get(block);
    const state = entry === undefined ? undefined : copyState(entry);
    const ops: Op[] = [];
    for (const [i, each] of block.ops.entries()) {
      const { insn } = each;
      if (slot.loads.has(each)) ops.push(bare(each, copyOf(insn.dst, register)));
      else {
        ops.push(each);
        if (slot.stores.has(each) && after[i] === true) {
          const isNarrow = ((state?.regs[insn.src]?.ones ?? -1n) & ~limit) === 0n;
          const made = storedValue(insn, slot.size, register, isNarrow);
          if (made === undefined) return undefined;
          ops.push(bare(each, made));
        }
      }
      if (state !== undefined) flow.step(state, each);
    }
    blocks.push(ops);
  }
  return blocks;
}

function copyOf(dst: number, src: number): Insn {
  return { code: op.ALU64 | op.MOV | op.X, dst, src, off: 0, imm: 0 };
}

/** Puts what a store stores into a register, with zeros above it. */
function storedValue(insn: Insn, size: number, register: number, isNarrow: boolean): Insn | undefined {
  if (insnClass(insn) === op.ST) {
    const imm = size < 4 ? insn.imm & ((1 << (8 * size)) - 1) : insn.imm;
    return { code: (size === 8 ? op.ALU64 : op.ALU) | op.MOV, dst: register, src: 0, off: 0, imm };
  }
  const copy = copyOf(register, insn.src);
  if (size === 8 || isNarrow) return copy;
  return size === 4 ? { ...copy, code: op.ALU | op.MOV | op.X } : undefined;
}

/** An instruction in the place of one that was about memory. */
function bare(each: Op, insn: Insn): Op {
  return { ...each, insn, region: undefined, facts: undefined };
}

/** Is it less, by how often it runs or by size, once copies and stores that are not needed are gone? */
function isBetter(code: FunctionCode, made: readonly (readonly Op[])[], context: PassContext): boolean {
  const trial = copyCode(code);
  for (const [i, block] of trial.blocks.entries()) block.ops = [...(made[i] as Op[])]; // as many
  const free = { ...context, allow: () => true };
  coalesce(trial, free);
  dead(trial, free);
  const isSampled = context.goal === 'speed' && code.profile !== undefined;
  const cost = ({ blocks }: FunctionCode): number =>
    blocks.reduce((sum, { ops, weight = 0 }) => sum + (isSampled ? weight : 1) * ops.length, 0);
  return cost(trial) < cost(code);
}

/**
 * Additions to memory that take three instructions: a load, arithmetic that only adds, and a store to the same place,
 * where nobody else sees what was loaded. On a processor that runs nothing in between they are what an atomic addition
 * is, and compilers write counters so.
 */
import { accessSize, type Insn, insnClass, isCall, op } from '../isa/index.js';
import { leaders } from './leaders.js';
import { type LiveSlots, liveSlots } from './live-slots.js';
import { readRegisters, writtenRegisters } from './register-effects.js';

/** Slots that are part of such an addition. */
export interface Additions {
  readonly loads: ReadonlySet<number>;
  readonly stores: ReadonlySet<number>;
}

/** None. */
export const noAdditions: Additions = { loads: new Set(), stores: new Set() };

/** All additions of a program's code, each within a block. */
export function findAdditions(insns: readonly Insn[]): Additions {
  const heads = leaders(insns);
  const live = liveSlots(insns);
  const loads = new Set<number>();
  const stores = new Set<number>();
  for (const [pc, insn] of insns.entries()) {
    if (insnClass(insn) !== op.LDX || accessSize(insn) < 4 || insn.dst === insn.src) continue;
    const store = storeOf(insns, pc, insn, heads, live);
    if (store === undefined) continue;
    loads.add(pc);
    stores.add(store);
  }
  return { loads, stores };
}

/** Where the sum of what is loaded at `pc` is stored back; undefined: it is used otherwise. */
function storeOf(
  insns: readonly Insn[],
  pc: number,
  load: Insn,
  heads: ReadonlySet<number>,
  live: LiveSlots,
): number | undefined {
  const { dst: sum, src: base, off } = load;
  for (let at = pc + 1; at < insns.length && !heads.has(at); at++) {
    const insn = insns[at];
    if (insn === undefined || isCall(insn)) return undefined;
    if (isStoreOf(insn, load)) return live.isLive(at + 1, sum) ? undefined : at;
    if (isAddedTo(insn, sum)) continue;
    const touched = readRegisters(insn) | writtenRegisters(insn);
    if (((touched >> sum) & 1) !== 0 || ((writtenRegisters(insn) >> base) & 1) !== 0) return undefined;
    if (mayStoreAt(insn, base, off, accessSize(load))) return undefined;
  }
  return undefined;
}

/** A plain store of the loaded register to where it was loaded from. */
function isStoreOf(insn: Insn, { dst: sum, src: base, off, code }: Insn): boolean {
  const isPlain = insnClass(insn) === op.STX && (insn.code & 0xe0) === (code & 0xe0);
  return isPlain && insn.dst === base && insn.src === sum && insn.off === off && (insn.code & 0x18) === (code & 0x18);
}

/** Adds a constant or another register to it. */
function isAddedTo(insn: Insn, sum: number): boolean {
  const isAlu = insnClass(insn) === op.ALU64 || insnClass(insn) === op.ALU;
  if (!isAlu || insn.dst !== sum || (insn.code & 0xf0) !== op.ADD) return false;
  return (insn.code & op.X) === 0 || insn.src !== sum;
}

/** May it store into those bytes? Of other bases only the frame is known to be elsewhere. */
function mayStoreAt(insn: Insn, base: number, off: number, size: number): boolean {
  if (insnClass(insn) !== op.STX && insnClass(insn) !== op.ST) return false;
  if (insn.dst === 10 && base !== 10) return false;
  if (insn.dst !== base) return true;
  return insn.off < off + size && off < insn.off + accessSize(insn);
}

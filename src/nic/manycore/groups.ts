/**
 * What is done for several loads at once: copies of neighbouring bytes, and packet bytes that are read in one command
 * and kept. Both hold on a straight line only: what jumps into it, or may change what was read, ends it.
 */
import { jumpTargets, writtenRegisters } from '../../code/index.js';
import { accessSize, type Insn, insnClass, isConditionalJump, isLddw, op } from '../../isa/index.js';
import { xdpMd } from '../../platform/index.js';
import { isInFrame } from './lower-memory.js';
import type { Lowering } from './lowering.js';

/** Loads and stores that are one copy. */
export interface Copy {
  /** Slot of the first load. */
  readonly slot: number;
  readonly load: Insn;
  readonly store: Insn;
  /** Bytes, and the lowest distances from both pointers. */
  readonly length: number;
  readonly from: number;
  readonly into: number;
  /** Distance of the last load, and its size: the register keeps what it read. */
  readonly last: number;
  readonly size: number;
  /** Slots behind it that are done with it. */
  readonly slots: number;
}

/** Loads of packet bytes that one command reads. */
export interface CacheGroup {
  /** Slot of the load that reads them. */
  readonly first: number;
  /** What distances are from: the packet's first byte (-1), or what this register points to. */
  readonly base: number;
  start: number;
  end: number;
  /** Slot of each load, and its distance. */
  readonly members: Map<number, number>;
}

/** Bytes that one command moves at most, and that are kept. */
const longestCopy = 128;
const longestCache = 64;

const isPlain = (insn: Insn, of: number): boolean => insnClass(insn) === of && (insn.code & 0xe0) === op.MODE_MEM;

/** Copies of at least two loads, by the slot of the first. */
export function findCopies(to: Lowering): ReadonlyMap<number, Copy> {
  const { insns } = to.program;
  const targets = new Set(jumpTargets(insns));
  const found = new Map<number, Copy>();
  for (let pc = 0; pc + 3 < insns.length; pc++) {
    if (isLddw(insns[pc] as Insn)) {
      pc++;
      continue;
    }
    const copy = copyAt(to, pc, targets);
    if (copy === undefined) continue;
    found.set(pc, copy);
    pc += copy.slots;
  }
  return found;
}

function copyAt(to: Lowering, pc: number, targets: ReadonlySet<number>): Copy | undefined {
  const { insns } = to.program;
  const load = insns[pc] as Insn;
  const store = insns[pc + 1] as Insn;
  if (!isPair(load, store) || targets.has(pc + 1)) return undefined;
  const kind = to.spaceAt(pc, load.src, load.off).kind;
  if ((kind !== 'packet' && kind !== 'value') || to.spaceAt(pc + 1, store.dst, store.off).kind !== 'packet')
    return undefined;
  const size = accessSize(load);
  let [pairs, step] = [1, 0];
  for (let at = pc + 2; at + 1 < insns.length && (pairs + 1) * size <= longestCopy; at += 2, pairs++) {
    const next = insns[at] as Insn;
    const put = insns[at + 1] as Insn;
    const distance = next.off - load.off;
    if (step === 0) step = Math.sign(distance) * size;
    const goesOn = distance === pairs * step && put.off - store.off === pairs * step && step !== 0;
    const isSame = next.code === load.code && put.code === store.code && next.dst === load.dst && next.src === load.src;
    if (!goesOn || !isSame || !isPair(next, put) || put.dst !== store.dst) break;
    if (targets.has(at) || targets.has(at + 1)) break;
  }
  if (pairs < 2) return undefined;
  const length = pairs * size;
  const lowest = step > 0 ? 0 : (pairs - 1) * step;
  const from = load.off + lowest;
  const into = store.off + lowest;
  if (kind === 'packet' && meets(to, pc, load, store, length)) return undefined;
  return { slot: pc, load, store, length, from, into, last: load.off + (pairs - 1) * step, size, slots: 2 * pairs - 1 };
}

/** A load, and a store of what it read; neither pointer is what is read. */
function isPair(load: Insn | undefined, store: Insn | undefined): boolean {
  if (load === undefined || store === undefined || !isPlain(load, op.LDX) || !isPlain(store, op.STX)) return false;
  const isCopy = store.src === load.dst && (store.code & 0x18) === (load.code & 0x18);
  return isCopy && load.src !== load.dst && store.dst !== load.dst;
}

/** May what is read and what is written have a byte in common? Then a later load may read what was stored. */
function meets(to: Lowering, pc: number, load: Insn, store: Insn, length: number): boolean {
  const from = to.packetOffset(pc, load.src, load.off);
  const into = to.packetOffset(pc + 1, store.dst, store.off);
  return from === undefined || into === undefined || Math.abs(from - into) < length;
}

/** Groups of at least two loads, by the slot of each. */
export function findCaches(to: Lowering, copies: ReadonlyMap<number, Copy>): ReadonlyMap<number, CacheGroup> {
  const { insns } = to.program;
  const targets = new Set(jumpTargets(insns));
  const groups: CacheGroup[] = [];
  let group: CacheGroup | undefined;
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc] as Insn;
    if (targets.has(pc)) group = undefined;
    const copy = copies.get(pc);
    if (copy !== undefined) {
      group = undefined;
      pc += copy.slots;
      continue;
    }
    const at = packetLoad(to, insn, pc);
    if (at === undefined) {
      if (takesTransfers(to, insn, pc)) group = undefined;
    } else {
      group = joined(group, pc, at, accessSize(insn));
      if (group.first === pc) groups.push(group);
    }
    if (group !== undefined && group.base >= 0 && ((writtenRegisters(insn) >> group.base) & 1) === 1) group = undefined;
    if (isLddw(insn)) pc++;
  }
  const useful = groups.filter(({ members }) => members.size > 1);
  return new Map(useful.flatMap((each) => [...each.members.keys()].map((pc) => [pc, each] as const)));
}

/** A place in the packet. */
interface PacketPlace {
  readonly base: number;
  readonly distance: number;
}

/** The group with one load more, or a new one that begins with it. */
function joined(group: CacheGroup | undefined, pc: number, { base, distance }: PacketPlace, size: number): CacheGroup {
  const end = distance + size;
  const isOne = group?.base === base && Math.max(group.end, end) - Math.min(group.start, distance) <= longestCache;
  if (group === undefined || !isOne)
    return { first: pc, base, start: distance, end, members: new Map([[pc, distance]]) };
  group.start = Math.min(group.start, distance);
  group.end = Math.max(group.end, end);
  group.members.set(pc, distance);
  return group;
}

/** Where a load reads the packet; undefined: it does not. */
function packetLoad(to: Lowering, insn: Insn, pc: number): PacketPlace | undefined {
  if (!isPlain(insn, op.LDX) || to.spaceAt(pc, insn.src, insn.off).kind !== 'packet') return undefined;
  const distance = to.packetOffset(pc, insn.src, insn.off);
  return distance === undefined ? { base: insn.src, distance: insn.off } : { base: -1, distance };
}

/** Does an instruction use transfer registers, change the packet, or go elsewhere? */
function takesTransfers(to: Lowering, insn: Insn, pc: number): boolean {
  const size = accessSize(insn);
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      // A division may be a routine.
      return (insn.code & 0xf0) === op.DIV || (insn.code & 0xf0) === op.MOD;
    case op.LD:
      return !isLddw(insn) && insn.code !== 0;
    case op.LDX: {
      const space = to.spaceAt(pc, insn.src, insn.off);
      if (space.kind === 'context') return insn.off !== xdpMd.data && insn.off !== xdpMd.dataEnd;
      return !isInFrame(space, size);
    }
    case op.ST:
    case op.STX:
      return (insn.code & 0xe0) !== op.MODE_MEM || !isInFrame(to.spaceAt(pc, insn.dst, insn.off), size);
    default:
      return !isConditionalJump(insn);
  }
}

/**
 * Loads and stores. The frame is in local memory: words behind a window, which is moved where they lie further than 64
 * bytes from where it stands. Packet and maps are elsewhere: a command brings bytes into transfer registers, or takes
 * them from there, and the thread waits.
 *
 * The driver of Linux loads from packet, frame and maps, stores into packet and frame, and adds atomically to maps.
 * The rest is done as well here, and counted as beyond it: stores into maps, other atomic operations, fields of the
 * context, and pointers of which is known too little (a command finds out where they point; local memory has none).
 */
import { accessSize, type Insn, insnClass, op } from '../../isa/index.js';
import { xdpMd } from '../../platform/index.js';
import { destination, scratch } from './assembler.js';
import type { CacheGroup, Copy } from './groups.js';
import type { CommandName } from './instruction.js';
import { signExtend } from './lower-alu.js';
import { type Lowering, nearWindow, type Space } from './lowering.js';
import { both, constant, greatestOffset, inA, inB, local, localUp, none, type Operand, transfer } from './operand.js';
import { atomicRoutine } from './routines.js';

/** Words of the packet's description, which stands behind window 1: length and flags, address. */
export const packetWords = { length: 0, address: 2 } as const;

/** Bits of the description's first word that are the length. */
export const lengthMask = 0x3fff;

/** How long a command is when the last result says so: bit 7, and the number less one from bit 8 on. */
const lengthOverride = 0x80;

/** Lowers a load. */
export function lowerLoad(to: Lowering, insn: Insn, pc: number, group: CacheGroup | undefined): void {
  const size = accessSize(insn);
  const isSigned = (insn.code & 0xe0) === op.MODE_MEMSX;
  const space = to.spaceAt(pc, insn.src, insn.off);
  if (isSigned) to.beyond('a load that extends the sign', pc);
  if (space.kind === 'context') loadContext(to, insn, pc, size);
  else if (space.kind === 'packet' && group !== undefined) loadCached(to, insn, group, pc, size);
  else if (space.kind === 'packet') loadFrom(to, insn, pc, size, packetAddress(to, insn.src, insn.off));
  else if (isInFrame(space, size)) loadFrame(to, insn, pc, size, space);
  else {
    if (space.kind !== 'value') to.beyond('a load through a pointer of which too little is known', pc);
    loadFrom(to, insn, pc, size, longAddress(to, insn.src, insn.off));
  }
  if (isSigned) signExtend(to, insn.dst, inB(2 * insn.dst), 8 * size, true);
}

/** Where a command goes. */
interface Address {
  readonly left: Operand;
  readonly right: Operand;
  readonly isLong: boolean;
}

/** A pointer into the packet, and a distance. */
function packetAddress(to: Lowering, register: number, off: number): Address {
  return { left: inA(2 * register), right: to.asm.operand(off, 'narrow'), isLong: false };
}

/** A pointer of 40 bits and a distance. */
function longAddress(to: Lowering, register: number, off: number): Address {
  const { asm } = to;
  if (register === 10) {
    to.frameTop(both(scratch.first));
    asm.alu(inA(scratch.first), 'sub', inA(scratch.first), asm.operand(-off));
    asm.immediate(inB(scratch.first), 0);
  } else if (off === 0) return { left: inA(2 * register), right: inB(2 * register + 1), isLong: true };
  else {
    const name = off < 0 ? 'sub' : 'add';
    asm.alu(inA(scratch.first), name, inA(2 * register), asm.operand(Math.abs(off)));
    asm.alu(inB(scratch.first), `${name}-carry`, inA(2 * register + 1), constant(0));
  }
  return { left: inA(scratch.first), right: inB(scratch.first), isLong: true };
}

function command(
  to: Lowering,
  name: CommandName,
  at: Address,
  count: number,
  waits = 0,
  isIndirect = false,
  first = 0,
): void {
  to.asm.push({ kind: 'command', command: name, ...at, transfer: first, count, waits, isIndirect });
}

function loadFrom(to: Lowering, { dst }: Insn, pc: number, size: number, at: Address): void {
  command(to, 'read32', at, size === 8 ? 1 : 0);
  take(to, dst, pc, size, 0);
}

/** What was read becomes a register. */
function take(to: Lowering, dst: number, pc: number, size: number, first: number): void {
  const { low, high } = destination(dst);
  if (size < 4) to.asm.field(low, (1 << size) - 1, transfer(first), 'none', 0, true);
  else to.asm.move(low, transfer(first));
  if (size === 8) to.asm.move(high, transfer(first + 1));
  else to.clearHigh(dst, pc);
}

function loadContext(to: Lowering, insn: Insn, pc: number, size: number): void {
  const { asm } = to;
  const { low } = destination(insn.dst);
  const isData = insn.off === xdpMd.data && size === 4;
  const isEnd = insn.off === xdpMd.dataEnd && size === 4;
  if (!isData && !isEnd) {
    to.beyond('a field of the context other than data and data_end', pc);
    loadFrom(to, insn, pc, size, longAddress(to, insn.src, insn.off));
    return;
  }
  if (isData) asm.move(low, local(1, packetWords.address));
  else asm.alu(low, 'add', inB(scratch.length), local(1, packetWords.address));
  asm.immediate(both(2 * insn.dst + 1), 0);
}

/** Bytes of the packet that are, or will be, in transfer registers. */
function loadCached(to: Lowering, insn: Insn, group: CacheGroup, pc: number, size: number): void {
  const { asm } = to;
  const { dst, src, off } = insn;
  const own = group.members.get(pc) ?? 0;
  if (pc === group.first) {
    const words = Math.ceil((group.end - group.start) / 4);
    const at = packetAddress(to, src, off + group.start - own);
    const isIndirect = words > 8;
    if (isIndirect) asm.immediate(none, lengthOverride | ((words - 1) << 8));
    command(to, 'read32', at, isIndirect ? 0 : words - 1, 0, isIndirect);
  }
  const distance = own - group.start;
  const { low, high } = destination(dst);
  gather(to, low, distance, Math.min(4, size));
  if (size === 8) gather(to, high, distance + 4, 4);
  else to.clearHigh(dst, pc);
}

/** Up to four bytes at a distance from the first transfer register: of one of them, or of two. */
function gather(to: Lowering, into: Operand, distance: number, size: number): void {
  const { asm } = to;
  const [index, byte] = [Math.floor(distance / 4), distance % 4];
  const first = Math.min(size, 4 - byte);
  if (size === 4 && byte === 0) asm.move(into, transfer(index));
  else asm.field(into, (1 << first) - 1, transfer(index), 'right', 8 * byte, true);
  if (first < size) {
    const mask = ((1 << (size - first)) - 1) << first;
    asm.field(into, mask, transfer(index + 1), 'left', 8 * first, false);
  }
}

/** Words of the frame that one window reaches. */
export function isInFrame(space: Space, size: number): space is Extract<Space, { kind: 'frame' }> {
  if (space.kind !== 'frame') return false;
  const { offset } = space;
  // Whole words may be anywhere that is aligned; of parts of words the place in the word must be known.
  return offset === undefined ? size >= 4 : offset % Math.min(4, size) === 0;
}

/** A word of the frame as an operand. `index` counts words from the window. */
interface FrameWords {
  readonly word: (index: number) => Operand;
  /** Words from the window to the first one. */
  readonly base: number;
  /** Bytes into the word. */
  readonly byte: number;
}

function frameWords(
  to: Lowering,
  register: number,
  off: number,
  size: number,
  space: Extract<Space, { kind: 'frame' }>,
): FrameWords {
  const { asm, depth } = to;
  const { offset, own } = space;
  if (offset !== undefined && own) {
    const place = depth + offset;
    const byte = place & 3;
    if (place >= 0 && place + size <= nearWindow)
      return { word: (i) => local(0, (place >> 2) + i), base: place >> 2, byte };
    // A window stands at 32 bytes, since a word's distance is or-ed to it.
    const window = place & ~31;
    if ((place & 31) + size <= 32) {
      asm.alu(inB(scratch.first), 'add', inA(scratch.stack), asm.operand(window));
      moveWindow(to);
      const base = (place & 31) >> 2;
      return { word: (i) => local(3, base + i), base, byte };
    }
  }
  if (register === 10) {
    to.frameTop(inA(scratch.second));
    asm.alu(inB(scratch.first), 'sub', inA(scratch.second), asm.operand(-off));
  } else {
    const name = off < 0 ? 'sub' : 'add';
    asm.alu(inB(scratch.first), name, inA(2 * register), asm.operand(Math.abs(off)));
  }
  moveWindow(to);
  const byte = offset === undefined ? 0 : (depth + offset) & 3;
  return { word: (i) => (i === 0 && size === 8 ? localUp(3) : local(3, 0)), base: 0, byte };
}

/** Window 3 to where register 21 of bank B says; three instructions pass until it is there. */
function moveWindow(to: Lowering): void {
  to.asm.push({ kind: 'csr', csr: 'lm3', source: inB(scratch.first), isRead: false });
  to.asm.nops(3);
}

function loadFrame(to: Lowering, insn: Insn, pc: number, size: number, space: Extract<Space, { kind: 'frame' }>): void {
  const { asm } = to;
  const { low, high } = destination(insn.dst);
  const { word, base, byte } = frameWords(to, insn.src, insn.off, size, space);
  if (size >= 4) {
    asm.move(low, word(0));
    if (size === 8) asm.move(high, word(1));
    else to.clearHigh(insn.dst, pc);
    return;
  }
  let from = word(0);
  if (base > greatestOffset.narrow) {
    asm.move(inA(scratch.first), from);
    from = inA(scratch.first);
  }
  asm.field(low, (1 << size) - 1, from, 'right', 8 * byte, true);
  to.clearHigh(insn.dst, pc);
}

/** Lowers a store of a register or a constant. */
export function lowerStore(to: Lowering, insn: Insn, pc: number): void {
  const size = accessSize(insn);
  const space = to.spaceAt(pc, insn.dst, insn.off);
  const isConstant = insnClass(insn) === op.ST;
  if (isInFrame(space, size)) {
    storeFrame(to, insn, pc, size, space, isConstant);
    return;
  }
  const { asm } = to;
  if (space.kind !== 'packet') {
    to.beyond(
      space.kind === 'value' ? 'a store into a map' : 'a store through a pointer of which too little is known',
      pc,
    );
  }
  const from = isConstant ? undefined : to.source(insn.src);
  const at = space.kind === 'packet' ? packetAddress(to, insn.dst, insn.off) : longAddress(to, insn.dst, insn.off);
  if (from === undefined) {
    asm.immediate(transfer(0), insn.imm);
    if (size === 8) asm.immediate(transfer(1), insn.imm < 0 ? -1 : 0);
  } else {
    asm.move(transfer(0), from.low);
    if (size === 8) asm.move(transfer(1), from.high);
  }
  command(to, 'write8', at, size - 1);
}

function storeFrame(
  to: Lowering,
  insn: Insn,
  pc: number,
  size: number,
  space: Extract<Space, { kind: 'frame' }>,
  isConstant: boolean,
): void {
  const { asm } = to;
  if (isConstant) to.beyond('a constant stored into the frame', pc);
  const { word, base, byte } = frameWords(to, insn.dst, insn.off, size, space);
  if (size >= 4) {
    const from = isConstant ? undefined : to.source(insn.src);
    if (from === undefined) asm.immediate(word(0), insn.imm);
    else asm.move(word(0), from.low);
    if (size === 8 && from === undefined) asm.immediate(word(1), insn.imm < 0 ? -1 : 0);
    else if (size === 8 && from !== undefined) asm.move(word(1), from.high);
    return;
  }
  const from = isConstant ? constantSource(to, insn.imm) : to.source(insn.src).low;
  const mask = ((1 << size) - 1) << byte;
  if (base <= greatestOffset.narrow) {
    asm.field(word(0), mask, from, 'left', 8 * byte, false);
    return;
  }
  asm.move(inA(scratch.first), word(0));
  asm.field(inA(scratch.first), mask, from, 'left', 8 * byte, false);
  asm.move(word(0), inA(scratch.first));
}

/** A constant as a source of bytes. */
function constantSource(to: Lowering, value: number): Operand {
  if (value >= 0 && value <= 0x7f) return constant(value);
  to.asm.immediate(inB(scratch.second), value);
  return inB(scratch.second);
}

/** Lowers a copy of neighbouring bytes: one read, moves from transfer registers to transfer registers, one write. */
export function lowerCopy(to: Lowering, copy: Copy): void {
  const { asm } = to;
  const { load, store, length, from, into, last, size } = copy;
  const words = Math.ceil(length / 4);
  const isValue = to.spaceAt(copy.slot, load.src, load.off).kind === 'value';
  const read = isValue ? longAddress(to, load.src, from) : packetAddress(to, load.src, from);
  const isLongRead = words > 8;
  if (isLongRead) asm.immediate(none, lengthOverride | ((words - 1) << 8));
  command(to, 'read32', read, isLongRead ? 0 : words - 1, 0, isLongRead);
  for (let i = 0; i < words; i++) asm.move(transfer(i), transfer(i));
  const write = packetAddress(to, store.dst, into);
  if (length <= 8) command(to, 'write8', write, length - 1);
  else if (length % 4 === 0 && words <= 8) command(to, 'write32', write, words - 1);
  else {
    const isWords = length % 4 === 0;
    asm.immediate(none, lengthOverride | (((isWords ? words : length) - 1) << 8));
    command(to, isWords ? 'write32' : 'write8', write, 0, 0, true);
  }
  // The register holds what the last load left in it.
  const distance = last - from;
  const { low, high } = destination(load.dst);
  gather(to, low, distance, Math.min(4, size));
  if (size === 8) gather(to, high, distance + 4, 4);
  else asm.immediate(high, 0);
}

/** Lowers an atomic operation: additions of which nobody wants the old value are commands, the others a routine. */
export function lowerAtomic(to: Lowering, insn: Insn, pc: number): void {
  const { asm } = to;
  const { dst, src, off, imm } = insn;
  const isWide = accessSize(insn) === 8;
  const space = to.spaceAt(pc, imm === op.ATOMIC_LOAD_ACQ ? src : dst, off);
  if (imm !== op.ATOMIC_ADD || space.kind !== 'value' || accessSize(insn) < 4) {
    to.beyond('an atomic operation other than adding to a map', pc);
    atomicByRoutine(to, insn, isWide);
    return;
  }
  const at = longAddressAside(to, dst, off);
  if (to.greatest(pc, src) <= 0xffffn && to.on.has('short-forms')) {
    // Data from the last result, bits 16 and up; its length, 4 or 8 bytes, likewise.
    asm.immediate(inA(scratch.first), 0x10 | lengthOverride | ((0x8 | (isWide ? 4 : 0)) << 8));
    asm.field(inA(scratch.first), 0xc, inB(2 * src), 'left', 16, false);
    command(to, 'add-constant', at, 0, -1, true);
    return;
  }
  command(to, 'add', at, isWide ? 4 : 0, isWide ? 2 : 1);
  asm.move(transfer(0), inB(2 * src));
  if (isWide) asm.move(transfer(1), inB(2 * src + 1));
}

/** A long address that leaves register 21 free. */
function longAddressAside(to: Lowering, register: number, off: number): Address {
  if (off === 0) return { left: inA(2 * register), right: inB(2 * register + 1), isLong: true };
  addressAside(to, register, off);
  return { left: inA(scratch.second), right: inB(scratch.second), isLong: true };
}

function addressAside(to: Lowering, register: number, off: number): void {
  const { asm } = to;
  if (register === 10) {
    to.frameTop(inA(scratch.second));
    asm.alu(inA(scratch.second), 'sub', inA(scratch.second), asm.operand(-off));
    asm.immediate(inB(scratch.second), 0);
    return;
  }
  const name = off < 0 ? 'sub' : 'add';
  asm.alu(inA(scratch.second), name, inA(2 * register), asm.operand(Math.abs(off)));
  asm.alu(inB(scratch.second), `${name}-carry`, inA(2 * register + 1), constant(0));
}

function atomicByRoutine(to: Lowering, insn: Insn, isWide: boolean): void {
  const { asm } = to;
  const isLoad = insn.imm === op.ATOMIC_LOAD_ACQ;
  const pointer = isLoad ? insn.src : insn.dst;
  addressAside(to, pointer, insn.off);
  const back = asm.label();
  const size = accessSize(insn);
  asm.branchTo(atomicRoutine(isWide, insn.dst, insn.src), 2);
  asm.immediate(inB(scratch.first), insn.imm | (size < 4 ? size << 12 : 0));
  asm.address(inA(scratch.first), back);
  asm.mark(back);
}

/**
 * Calls of a function replaced by its body, slot by slot. The body has the caller's frame below the caller's own part
 * of it, and registers that calls keep: those that the caller asks for behind the call get another name where one is
 * free, or are kept in the frame.
 *
 *     r6 = r1; call g; r0 += r6                  r6 = r1; [fp-8] = r6; r6 = *(u32 *)(r1 + 0); r0 = r6; r6 = [fp-8];
 *     g: r6 = *(u32 *)(r1 + 0); r0 = r6; exit    r0 += r6
 */
import { isTailCall } from '../code/index.js';
import {
  type Insn,
  insnClass,
  isCall,
  isConditionalJump,
  isExit,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  op,
} from '../isa/index.js';
import type { EditedInsn, FileFunction, FunctionEdit } from '../object/index.js';
import { hasSource, isPacketLoad, writes } from './effects.js';

/** A slot of a function whose jumps lead to slots, whatever stands between them. */
export interface Slot {
  readonly insn: Insn;
  /** Slots of the file's section `home` that reference and line come from; -1: none. */
  readonly refers: number;
  readonly line: number;
  readonly home: number;
  /** Where its jump leads. */
  to: Slot | undefined;
}

/** Registers that calls leave alone. */
const kept: readonly number[] = [6, 7, 8, 9];
const fp = 10;

/** A function of the file as slots. */
export function slotsOf({ insns, start, section }: FileFunction): Slot[] {
  const slots = insns.map(
    (insn, at): Slot => ({ insn, refers: start + at, line: start + at, home: section, to: undefined }),
  );
  for (const [at, slot] of slots.entries()) {
    if (isConditionalJump(slot.insn) || isUnconditionalJump(slot.insn)) slot.to = slots[jumpTarget(slot.insn, at)];
  }
  return slots;
}

/** Can its slots stand in a caller? Not those that tail-call, and not those that do more with r10 than copy it. */
export function isSpliceable(slots: readonly Slot[]): boolean {
  return slots.every(({ insn, to }, at) => {
    if (isSecond(slots, at)) return true;
    if (isTailCall(insn) || isPacketLoad(insn)) return false;
    if ((isConditionalJump(insn) || isUnconditionalJump(insn)) && to === undefined) return false;
    if (at === slots.length - 1 && !isExit(insn) && !isUnconditionalJump(insn)) return false;
    const movesFrame = isFrameCopy(insn);
    const namesFrame = hasSource(insn) && insn.src === fp && insnClass(insn) !== op.LDX && !isCall(insn);
    return !namesFrame || movesFrame;
  });
}

/** `rX = r10`, all of it. */
function isFrameCopy(insn: Insn): boolean {
  return insn.code === (op.ALU64 | op.MOV | op.X) && insn.src === fp && insn.off === 0;
}

/** What a call needs of the caller's frame beyond the callee's own: bytes for registers, a multiple of eight. */
export interface Spliced {
  readonly slots: readonly Slot[];
  readonly saved: number;
}

/**
 * The body in the place of the call `call`, whose successor is `after`. `depth`: bytes of the frame that the caller
 * itself uses, a multiple of eight; `isLive`: may the caller read a register behind the call?
 */
export function spliceBody(
  body: readonly Slot[],
  call: Slot,
  after: Slot,
  depth: number,
  isLive: (register: number) => boolean,
): Spliced {
  const used = usedRegisters(body);
  const busy = new Set(kept.filter((r) => isLive(r) || used.has(r)));
  const names = new Map<number, number>();
  const saved: number[] = [];
  for (const r of kept) {
    if (!used.has(r) || !isLive(r)) continue;
    const free = kept.find((each) => !busy.has(each));
    if (free === undefined) saved.push(r);
    else {
      busy.add(free);
      names.set(r, free);
    }
  }
  const shift = depth + 8 * saved.length;
  const own = (insn: Insn, to?: Slot): Slot => ({ insn, refers: -1, line: call.line, home: call.home, to });
  const place = (i: number): number => -(depth + 8 * (i + 1));
  const enter = saved.map((src, i) => own({ code: storeWord, dst: fp, src, off: place(i), imm: 0 }));
  const leave = saved.map((dst, i) => own({ code: loadWord, dst, src: fp, off: place(i), imm: 0 }));
  const out: Slot[] = [...enter];
  const copies = new Map<Slot, Slot>();
  const end = leave[0] ?? after;
  for (const [at, slot] of body.entries()) {
    const first = out.length;
    if (isExit(slot.insn)) {
      if (at < body.length - 1) out.push({ ...slot, insn: jump, refers: -1, to: end });
    } else if (isSecond(body, at)) out.push({ ...slot });
    else {
      out.push({ ...slot, insn: moved(slot.insn, names, shift) });
      if (isFrameCopy(slot.insn) && shift > 0)
        out.push({
          ...slot,
          insn: { ...slot.insn, code: op.ALU64 | op.ADD, dst: named(slot.insn.dst, names), src: 0, imm: -shift },
          refers: -1,
        });
    }
    copies.set(slot, out[first] ?? end);
  }
  for (const slot of out) if (slot.to !== undefined) slot.to = copies.get(slot.to) ?? slot.to;
  out.push(...leave);
  return { slots: out, saved: 8 * saved.length };
}

const storeWord = op.STX | op.MODE_MEM | op.SIZE_DW;
const loadWord = op.LDX | op.MODE_MEM | op.SIZE_DW;
const jump: Insn = { code: op.JA_OP, dst: 0, src: 0, off: 0, imm: 0 };

/** Is it the second slot of a 64-bit load? */
function isSecond(slots: readonly Slot[], at: number): boolean {
  const before = slots[at - 1];
  return before !== undefined && isLddw(before.insn);
}

/** Registers of those that calls keep that the body names. */
function usedRegisters(body: readonly Slot[]): Set<number> {
  const written = body.reduce((all, { insn }, at) => (isSecond(body, at) ? all : all | writes(insn)), 0);
  return new Set(kept.filter((r) => ((written >> r) & 1) === 1));
}

function named(register: number, names: ReadonlyMap<number, number>): number {
  return names.get(register) ?? register;
}

/** With other names for registers, and the frame's bytes further down. */
function moved(insn: Insn, names: ReadonlyMap<number, number>, shift: number): Insn {
  if (isCall(insn)) return insn;
  const cls = insnClass(insn);
  const base = cls === op.LDX ? insn.src : cls === op.ST || cls === op.STX ? insn.dst : -1;
  const off = base === fp ? insn.off - shift : insn.off;
  const src = hasSource(insn) && !isLddw(insn) ? named(insn.src, names) : insn.src;
  return { ...insn, dst: named(insn.dst, names), src, off };
}

/** What a slot leads to once its call has become `slots`. */
export function replaceSlot(code: Slot[], old: Slot, slots: readonly Slot[], after: Slot): void {
  const first = slots[0] ?? after;
  code.splice(code.indexOf(old), 1, ...slots);
  for (const slot of code) if (slot.to === old) slot.to = first;
}

/** The edit that puts slots in the place of a function; undefined where a jump is too far. */
export function spliceEdit(fn: FileFunction, slots: readonly Slot[]): FunctionEdit | undefined {
  const places = new Map(slots.map((slot, at) => [slot, at]));
  const insns: EditedInsn[] = [];
  for (const [at, { insn, refers, line, home, to }] of slots.entries()) {
    const from = home === fn.section ? undefined : home;
    const distance = to === undefined ? 0 : (places.get(to) ?? Number.NaN) - at - 1;
    const isFar = to !== undefined && insnClass(insn) === op.JMP32 && isUnconditionalJump(insn);
    if (Number.isNaN(distance) || (!isFar && (distance < -0x8000 || distance > 0x7fff))) return undefined;
    const mended = to === undefined ? insn : isFar ? { ...insn, imm: distance } : { ...insn, off: distance };
    insns.push({ insn: mended, refers, line, from });
  }
  const labels = new Map<number, number>();
  for (const [at, { line, home, refers }] of slots.entries())
    if (home === fn.section && refers === line && fn.labels.includes(line) && !labels.has(line)) labels.set(line, at);
  return { section: fn.section, start: fn.start, end: fn.end, insns, labels };
}

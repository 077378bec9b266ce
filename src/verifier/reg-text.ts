/** Registers, types and stack slots in the words of the kernel's verifier log (kernel/bpf/log.c of Linux 6.18). */
import type { RegState } from './reg-state.js';
import { type Scalar, s32Max, s32Min, s64Max, s64Min, u32Max } from './scalar.js';
import { byteDynptr, byteIterator, byteMisc, byteSpill, byteZero, type StackSlot } from './stack-state.js';
import { type Tnum, u64Max } from './tnum.js';
import type { FrameState, VerifierState } from './verifier-state.js';

/** `pkt`, `map_value_or_null`, `scalar`, ... */
export function typeText(reg: RegState): string {
  let base: string = reg.kind;
  if (reg.kind === 'none') return '?';
  if (reg.kind === 'mem' && reg.ringbuf) base = 'ringbuf_mem';
  if (reg.kind === 'mem' && reg.readonly) base = reg.untrusted ? 'rdonly_untrusted_mem' : 'rdonly_mem';
  if (reg.kind === 'ptr') base = reg.untrusted ? 'untrusted_ptr_' : 'ptr_';
  if (reg.kind === 'map_ptr') base = 'map_ptr';
  if (reg.kind === 'ptr') return `${base}${reg.nullable ? 'or_null_' : ''}`;
  return `${base}${reg.nullable ? '_or_null' : ''}`;
}

/** `(0x0; 0xff)`. */
export function tnumText(t: Tnum): string {
  return t.mask === 0n ? unsignedText(t.value) : `(0x${t.value.toString(16)}; 0x${t.mask.toString(16)})`;
}

/** Small numbers in decimal, others in hexadecimal. */
function unsignedText(x: bigint): string {
  return x <= 0xffffn ? x.toString() : `0x${x.toString(16)}`;
}

/** Small numbers in decimal, others in hexadecimal. */
export function signedText(x: bigint): string {
  return x >= -0x8000n && x <= 0x7fffn ? x.toString() : `0x${BigInt.asUintN(64, x).toString(16)}`;
}

/** One end of one of the four ranges. */
interface Bound {
  readonly name: string;
  /** The end as 64 unsigned bits. */
  readonly value: bigint;
  readonly isNegative: boolean;
  readonly text: string;
  /** It says nothing, or was told with another of the same value. */
  told: boolean;
}

function signedBound(name: string, value: bigint, says: boolean): Bound {
  return { name, value: BigInt.asUintN(64, value), isNegative: value < 0n, text: signedText(value), told: !says };
}

function unsignedBound(name: string, value: bigint, says: boolean): Bound {
  return { name, value, isNegative: false, text: unsignedText(value), told: !says };
}

/** Numbers that are written in hexadecimal are so in their 32 bits. */
function signedBound32(name: string, value: number, says: boolean): Bound {
  const isDecimal = value >= -0x8000 && value <= 0x7fff;
  return signedBound(name, BigInt(isDecimal ? value : value >>> 0), says);
}

/**
 * Bounds that say something, equal ones joined: `smax=umax=255`. Minimums are joined with minimums and maximums with
 * maximums, but no negative number with the unsigned one of the same bits (print_scalar_ranges).
 */
function boundsText({ smin, smax, umin, umax, s32min, s32max, u32min, u32max }: Scalar): string[] {
  const bounds = [
    signedBound('smin', smin, smin !== s64Min),
    signedBound('smax', smax, smax !== s64Max),
    unsignedBound('umin', umin, umin !== 0n),
    unsignedBound('umax', umax, umax !== u64Max),
    signedBound32('smin32', s32min, s32min !== s32Min),
    signedBound32('smax32', s32max, s32max !== s32Max),
    unsignedBound('umin32', BigInt(u32min), u32min !== 0),
    unsignedBound('umax32', BigInt(u32max), u32max !== u32Max),
  ];
  const parts: string[] = [];
  for (const [i, bound] of bounds.entries()) {
    if (bound.told) continue;
    const { value, isNegative } = bound;
    const same = bounds.filter(
      (other, j) =>
        j >= i && (j - i) % 2 === 0 && !other.told && other.value === value && other.isNegative === isNegative,
    );
    for (const other of same) other.told = true;
    parts.push(`${same.map(({ name }) => name).join('=')}=${bound.text}`);
  }
  return parts;
}

/** Characters of a map's name that Linux keeps (BPF_OBJ_NAME_LEN without the NUL). */
const mapNameLength = 15;

/** What stands after `R1=`; in `saved` states a `P` tells numbers that something relied on. */
export function regText(reg: RegState, depth: number, saved = false): string {
  if (reg.kind === 'none') return '?';
  if (saved && reg.kind === 'scalar' && reg.trail.marked) return `P${regText(reg, depth)}`;
  if (reg.kind === 'scalar' && reg.range.isConst) {
    return signedText(BigInt.asIntN(64, reg.range.value));
  }
  const parts: string[] = [];
  if (reg.kind === 'fp') {
    const owner = reg.frame === depth ? '' : `[${reg.frame}]`;
    if (reg.range.isConst) return `fp${owner}${signedText(BigInt(reg.off) + reg.range.smin)}`;
    return `fp${owner}(${[...(reg.off === 0 ? [] : [`off=${reg.off}`]), ...rangeParts(reg.range)].join(',')})`;
  }
  if (reg.id !== 0) parts.push(`id=${reg.id}${reg.addConst === 0 ? '' : `${reg.off < 0 ? '' : '+'}${reg.off}`}`);
  if (reg.refId !== 0) parts.push(`ref_obj_id=${reg.refId}`);
  if (reg.map !== undefined) {
    // What Linux keeps of a map that others hold has no name.
    const name = reg.mapUid === 0 ? reg.map.name.slice(0, mapNameLength) : '';
    parts.push(name === '' ? '' : `map=${name}`, `ks=${reg.map.keySize}`, `vs=${reg.map.valueSize}`);
  }
  if (reg.kind !== 'scalar' && reg.off !== 0) parts.push(`off=${signedText(BigInt(reg.off))}`);
  if (reg.isPacket) parts.push(`r=${unsignedText(BigInt.asUintN(64, BigInt(reg.pktRange)))}`);
  if (reg.kind === 'mem') parts.push(`sz=${reg.memSize}`);
  if (reg.kind === 'scalar' || !reg.range.isConst) parts.push(...rangeParts(reg.range));
  else if (reg.range.value !== 0n) parts.push(`imm=${signedText(reg.range.smin)}`);
  // `ptr_` and its kin go on with the name of what they point to.
  return `${typeText(reg)}${reg.struct?.name ?? ''}(${parts.filter((part) => part !== '').join(',')})`;
}

/** Bounds and known bits, as they stand in parentheses. */
export function rangeParts(range: Scalar): string[] {
  const parts = boundsText(range);
  if (range.mask !== u64Max) parts.push(`var_off=${tnumText(range)}`);
  return parts;
}

const byteLetters: Readonly<Record<number, string>> = {
  0: '?',
  [byteSpill]: 'r',
  [byteMisc]: 'm',
  [byteZero]: '0',
  [byteDynptr]: 'd',
  [byteIterator]: 'i',
};

/** What stands after `fp-8=`; undefined for a slot that holds nothing. */
export function slotText(slot: StackSlot, depth: number, saved = false): string | undefined {
  if (slot.dynptr !== undefined) {
    return `dynptr_${slot.dynptr.type}(${slot.dynptr.refId === 0 ? '' : `ref_id=${slot.dynptr.refId}`})`;
  }
  if (slot.iterator !== undefined) {
    const { active, depth: given, refId } = slot.iterator;
    return `iter_num(ref_id=${refId},state=${active ? 'active' : 'drained'},depth=${given})`;
  }
  if (slot.isSpill && slot.reg !== undefined && slot.spillSize === 8) return regText(slot.reg, depth, saved);
  let letters = '';
  for (let b = 7; b >= 0; b--) letters += byteLetters[slot.byte(b)] ?? '?';
  if (letters === '????????') return undefined;
  return slot.isSpill && slot.reg !== undefined
    ? `${letters.replaceAll('r', '')}${regText(slot.reg, depth, saved)}`
    : letters;
}

/** Which of a state is written, and how. */
export interface StateTextOptions {
  /** Leaves out what it says no to; default: everything. */
  readonly shows?: (kind: 'reg' | 'slot', i: number) => boolean;
  /** It is one that was saved: tells what something relied on. Default false. */
  readonly saved?: boolean;
}

/** ` R0=... R10=fp0 fp-8=...` */
function frameText(frame: FrameState, depth: number, { shows, saved }: StateTextOptions): string {
  let text = depth > 0 ? ` frame${depth}:` : '';
  for (let i = 0; i <= 10; i++) {
    const reg = frame.reg(i);
    if (reg.kind === 'none' || shows?.('reg', i) === false) continue;
    text += ` R${i}=${regText(reg, depth, saved)}`;
  }
  for (let i = 0; i < frame.stack.length; i++) {
    const slot = frame.stack[i];
    if (slot === undefined || shows?.('slot', i) === false) continue;
    const words = slotText(slot, depth, saved);
    if (words !== undefined) text += ` fp${-8 * (i + 1)}=${words}`;
  }
  return text;
}

/**
 * Registers and slots of a frame, the `depth`th, and what the whole state holds: references, the lock, and whether the
 * frame is a callback's (print_verifier_state).
 */
export function stateText(
  { refs, lock }: VerifierState,
  frame: FrameState,
  depth: number,
  options: StateTextOptions = {},
): string {
  const held = [...refs, ...(lock === undefined ? [] : [lock])].map(({ id }) => id);
  const { callback } = frame;
  return [
    frameText(frame, depth, options),
    held.length === 0 ? '' : ` refs=${held.join(',')}`,
    callback === undefined ? '' : callback.async ? ' async_cb' : ' cb',
  ].join('');
}

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
  if (reg.kind === 'mem' && reg.readonly) base = 'rdonly_mem';
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
  return x >= -0xffffn && x <= 0xffffn ? x.toString() : `0x${BigInt.asUintN(64, x).toString(16)}`;
}

function signedText32(x: number): string {
  return x >= -0xffff && x <= 0xffff ? String(x) : `0x${(x >>> 0).toString(16)}`;
}

/** Bounds that say something, equal ones joined: `smax=umax=255`. */
function boundsText(range: Scalar): string[] {
  const entries: { readonly names: string[]; readonly value: bigint; readonly text: string }[] = [];
  const add = (name: string, value: bigint, text: string, omit: boolean): void => {
    if (omit) return;
    const same = entries.find((entry) => entry.value === value);
    if (same !== undefined) same.names.push(name);
    else entries.push({ names: [name], value, text });
  };
  const { smin, smax, umin, umax, s32min, s32max, u32min, u32max } = range;
  add('smin', BigInt.asUintN(64, smin), signedText(smin), smin === s64Min);
  add('smax', BigInt.asUintN(64, smax), signedText(smax), smax === s64Max);
  add('umin', umin, unsignedText(umin), umin === 0n);
  add('umax', umax, unsignedText(umax), umax === u64Max);
  add('smin32', BigInt.asUintN(64, BigInt(s32min)), signedText32(s32min), s32min === s32Min);
  add('smax32', BigInt.asUintN(64, BigInt(s32max)), signedText32(s32max), s32max === s32Max);
  add('umin32', BigInt(u32min), unsignedText(BigInt(u32min)), u32min === 0);
  add('umax32', BigInt(u32max), unsignedText(BigInt(u32max)), u32max === u32Max);
  return entries.map((entry) => `${entry.names.join('=')}=${entry.text}`);
}

/** What stands after `R1=`. */
export function regText(reg: RegState, depth: number): string {
  if (reg.kind === 'none') return '?';
  const precise = reg.kind === 'scalar' && reg.trail.marked ? 'P' : '';
  if (reg.kind === 'scalar' && reg.range.isConst) {
    return `${precise}${signedText(BigInt.asIntN(64, reg.range.value))}`;
  }
  const parts: string[] = [];
  if (reg.kind === 'fp') {
    const owner = reg.frame === depth ? '' : `[${reg.frame}]`;
    if (reg.range.isConst) return `fp${owner}${offText(reg.off + Number(reg.range.smin))}`;
    return `fp${owner}(${[...(reg.off === 0 ? [] : [`off=${reg.off}`]), ...rangeParts(reg.range)].join(',')})`;
  }
  if (reg.id !== 0) parts.push(`id=${reg.id}${reg.addConst === 0 ? '' : `${reg.off < 0 ? '' : '+'}${reg.off}`}`);
  if (reg.refId !== 0) parts.push(`ref_obj_id=${reg.refId}`);
  if (reg.map !== undefined) {
    parts.push(reg.map.name === '' ? '' : `map=${reg.map.name}`, `ks=${reg.map.keySize}`, `vs=${reg.map.valueSize}`);
  }
  if (reg.kind !== 'scalar' && reg.off !== 0) parts.push(`off=${reg.off}`);
  if (reg.isPacket) parts.push(`r=${reg.pktRange}`);
  if (reg.kind === 'mem') parts.push(`sz=${reg.memSize}`);
  if (reg.kind === 'scalar' || !reg.range.isConst) parts.push(...rangeParts(reg.range));
  else if (reg.range.value !== 0n) parts.push(`imm=${signedText(reg.range.smin)}`);
  // `ptr_` and its kin go on with the name of what they point to.
  return `${precise}${typeText(reg)}${reg.struct?.name ?? ''}(${parts.filter((part) => part !== '').join(',')})`;
}

function offText(off: number): string {
  return off >= 0 ? (off === 0 ? '0' : `+${off}`) : String(off);
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
export function slotText(slot: StackSlot, depth: number): string | undefined {
  if (slot.dynptr !== undefined) {
    return `dynptr_${slot.dynptr.type}(${slot.dynptr.refId === 0 ? '' : `ref_id=${slot.dynptr.refId}`})`;
  }
  if (slot.iterator !== undefined) {
    const { active, depth: given, refId } = slot.iterator;
    return `iter_num(ref_id=${refId},state=${active ? 'active' : 'drained'},depth=${given})`;
  }
  if (slot.isSpill && slot.reg !== undefined && slot.spillSize === 8) return regText(slot.reg, depth);
  let letters = '';
  for (let b = 7; b >= 0; b--) letters += byteLetters[slot.byte(b)] ?? '?';
  if (letters === '????????') return undefined;
  return slot.isSpill && slot.reg !== undefined ? `${letters.replaceAll('r', '')}${regText(slot.reg, depth)}` : letters;
}

/** ` R0=... R10=fp0 fp-8=...`: all registers and slots of a frame, or only those that `changed` says. */
export function frameText(
  state: VerifierState,
  depth: number,
  changed?: (kind: 'reg' | 'slot', i: number) => boolean,
): string {
  const frame = state.frames[depth] as FrameState; // the caller counts the frames
  let text = depth > 0 ? ` frame${depth}:` : '';
  for (let i = 0; i <= 10; i++) {
    const reg = frame.reg(i);
    if (reg.kind === 'none' || (changed !== undefined && !changed('reg', i))) continue;
    text += ` R${i}=${regText(reg, depth)}`;
  }
  for (let i = 0; i < frame.stack.length; i++) {
    const slot = frame.stack[i];
    if (slot === undefined || (changed !== undefined && !changed('slot', i))) continue;
    const words = slotText(slot, depth);
    if (words !== undefined) text += ` fp${-8 * (i + 1)}=${words}`;
  }
  return text;
}

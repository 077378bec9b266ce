/**
 * Dead code elimination, backwards over a trace: what has no effect and is read by no one goes, and so do packet and
 * stack stores whose bytes are all overwritten before anyone looks.
 */
import { opTable } from './ops.js';
import { isPacketAccess, packetOffset, placesOfAccesses, type TraceCode } from './trace.js';
import { isConst, isStatic, type Value } from './value.js';

/** True if the value must be evaluated whether or not its result is used. */
export function hasEffect(value: Value): boolean {
  switch (opTable[value.op].kind) {
    case 'effect':
      return value.detail?.kind !== 'call' || value.detail.visible;
    case 'guard':
    case 'return':
      return true;
    default:
      return value.detail?.kind === 'lookup' && value.detail.marks;
  }
}

/** True for effects that outlive the packet's run: what a failing guard would have to undo. */
export function isVisible(value: Value): boolean {
  if (value.op === 'store' || value.op === 'atomic')
    return value.detail?.kind !== 'memory' || value.detail.space !== 'stack';
  return value.detail?.kind === 'call' && value.detail.visible;
}

/** An access that the guards before it do not prove safe. */
export function mayFail(value: Value): boolean {
  return (value.detail?.kind === 'memory' || value.detail?.kind === 'atomic') && value.detail.checked;
}

/** Values that are needed, in order. `writesStack`: calls whose memory effects someone reads; they are kept. */
export function liveCode(code: readonly Value[]): TraceCode {
  const live = new Uint8Array(code.length);
  const dead = deadStores(code);
  // A call without visible effect may still write to stack memory that a later load or call reads.
  let stackRead = false;
  for (let i = code.length - 1; i >= 0; i--) {
    const value = code[i] as Value;
    const fillsStack = value.op === 'call' && stackRead;
    if (live[value.id] === 0 && (dead.has(value.id) || !(hasEffect(value) || mayFail(value) || fillsStack))) continue;
    live[value.id] = 1;
    for (const arg of value.args) live[arg.id] = 1;
    if (
      value.op === 'call' ||
      (value.op === 'load' && value.detail?.kind === 'memory' && value.detail.space === 'stack')
    )
      stackRead = true;
    if (value.op === 'lookup') stackRead = true;
  }
  const values = code.filter((value) => live[value.id] === 1);
  let seenEffect = false;
  let transactional = false;
  for (const value of values) {
    if (seenEffect && ((value.op === 'guard' && !value.early) || mayFail(value) || value.op === 'call'))
      transactional = true;
    if (isVisible(value)) seenEffect = true;
  }
  return { values, transactional };
}

/**
 * Instructions of a trace as people count them (what is known before a packet comes costs nothing), apart: its
 * condition, and what it does once that holds.
 */
export interface InsnCount {
  /** Early guards and what only they need. */
  readonly condition: number;
  /** Effects, late guards, the verdict, and what they need; 1 when nothing but the verdict is left. */
  readonly body: number;
}

/** Counts a trace's values on either side of its condition: what a card pays to refuse a packet, and to take it. */
export function countInsns(code: TraceCode): InsnCount {
  const needed = new Set<Value>();
  const places = placesOfAccesses(code.values);
  let condition = 0;
  let body = 0;
  const isPart = (value: Value): boolean => isDisplaced(value) || places.has(value);
  for (let i = code.values.length - 1; i >= 0; i--) {
    const value = code.values[i] as Value;
    if (isStatic(value)) continue;
    const isGuard = value.op === 'guard';
    const root =
      value.op === 'ret' || (isGuard ? !value.early : isVisible(value) || opTable[value.op].kind === 'effect');
    if (root || needed.has(value)) {
      for (const arg of value.args) needed.add(arg);
      if (!isPart(value)) body++;
    } else if (!isPart(value)) condition++;
  }
  return { condition, body };
}

/** A distance from something fixed: part of the access that it is for. */
function isDisplaced({ op, args }: Value): boolean {
  return op === 'add' && args.some((arg) => isStatic(arg) && !isConst(arg));
}

/** Packet stores at constant offsets that later stores overwrite before anything can see them. */
function deadStores(code: readonly Value[]): Set<number> {
  const dead = new Set<number>();
  /** Packet bytes that will be overwritten before they are seen. */
  const covered = new Set<number>();
  for (let i = code.length - 1; i >= 0; i--) {
    const value = code[i] as Value;
    if (value.op === 'guard' && !value.early) covered.clear();
    if (value.op === 'call') covered.clear();
    if (value.detail?.kind !== 'memory' || !isPacketAccess(value)) {
      if (mayFail(value)) covered.clear();
      continue;
    }
    const base = packetOffset(value);
    if (value.op === 'load') {
      if (!isConst(base)) covered.clear();
      else for (let b = 0; b < value.detail.size; b++) covered.delete(Number(value.imm) + b);
      continue;
    }
    if (!isConst(base)) continue;
    const bytes = Array.from({ length: value.detail.size }, (_, b) => Number(value.imm) + b);
    if (bytes.every((byte) => covered.has(byte))) dead.add(value.id);
    else if (!value.detail.checked) for (const byte of bytes) covered.add(byte);
  }
  return dead;
}

/** Statements on memory: packet, map values, stack, context. */

import { op } from '../../isa/index.js';
import { ctxReg, fp, sizes, stackBytes } from './conventions.js';
import type { Generator } from './generate.js';
import { roomOf, scalar } from './type-state.js';

/** A load from a place that is known to be readable. */
export function load(g: Generator): void {
  const { out, random, state } = g;
  const size = random.pick(sizes);
  const place = g.place(size.bytes);
  if (place.stack && !state.stackReadable(-place.off, size.bytes)) return;
  const dst = g.target();
  const mode = size.bytes < 8 && random.chance(0.25) ? op.MODE_MEMSX : op.MODE_MEM;
  out.emit(op.LDX | mode | size.code, dst, place.reg, place.off);
  state.set(dst, scalar);
}

/** A store to a place that is known to be writable. */
export function store(g: Generator): void {
  const { out, random, state } = g;
  const size = random.pick(sizes);
  const place = g.place(size.bytes);
  if (random.chance(0.4)) out.emit(op.ST | op.MODE_MEM | size.code, place.reg, 0, place.off, g.immediate());
  else out.emit(op.STX | op.MODE_MEM | size.code, place.reg, random.pick(g.scalars()), place.off);
  if (place.stack) state.writeStack(-place.off, size.bytes);
}

/** An atomic operation, or a load-acquire or store-release. */
export function atomic(g: Generator): void {
  const { out, random, state } = g;
  const ordered = random.chance(0.25);
  const size = random.pick(sizes.filter((s) => ordered || s.bytes >= 4));
  const places = [...state.regs.entries()].filter(
    ([, value]) => value.kind === 'map value' && roomOf(value) >= size.bytes,
  );
  let reg = fp;
  let off = -size.bytes * (1 + random.below(stackBytes / size.bytes));
  if (places.length > 0 && random.chance(0.7)) {
    const [place, value] = random.pick(places);
    reg = place;
    off = random.below(Math.floor(roomOf(value) / size.bytes)) * size.bytes;
  } else if (!state.stackReadable(-off, size.bytes)) {
    return;
  }
  const code = op.STX | op.MODE_ATOMIC | size.code;
  if (ordered && random.chance(0.5)) {
    const dst = g.changeable();
    if (dst === reg) return;
    out.emit(code, dst, reg, off, op.ATOMIC_LOAD_ACQ);
    state.set(dst, scalar);
    return;
  }
  if (ordered) {
    const src = random.pick(g.scalars());
    if (src === reg) return;
    out.emit(code, reg, src, off, op.ATOMIC_STORE_REL);
    if (reg === fp) state.writeStack(-off, size.bytes);
    return;
  }
  if (random.chance(0.15)) {
    // cmpxchg compares with r0 and leaves the old value there
    if (g.reserved.has(0) || reg === 0) return;
    if (reg === fp) return;
    if (state.get(0).kind !== 'scalar') g.freshScalar(0);
    out.emit(code, reg, random.pick(g.scalars()), off, op.ATOMIC_CMPXCHG);
    state.set(0, scalar);
    return;
  }
  const operation = random.pick([op.ATOMIC_ADD, op.ATOMIC_OR, op.ATOMIC_AND, op.ATOMIC_XOR, op.ATOMIC_XCHG]);
  // Not from the stack: Linux 6.18's verifier then removes branches that the program can take
  // (test/differential/atomic-fetch-stack.s).
  if (operation === op.ATOMIC_XCHG && reg === fp) return;
  const fetch = operation === op.ATOMIC_XCHG || (reg !== fp && random.chance(0.5));
  const src = fetch ? g.changeable() : random.pick(g.scalars());
  if (src === reg) return;
  out.emit(code, reg, src, off, operation | (fetch ? op.ATOMIC_FETCH : 0));
  if (fetch) state.set(src, scalar);
  if (reg === fp) state.writeStack(-off, size.bytes);
}

/** A pointer or number goes to the stack and comes back. */
export function spill(g: Generator): void {
  const { out, random, state } = g;
  const slot = 8 * (1 + random.below(stackBytes / 8));
  const spilled = state.spills.get(slot);
  if (spilled !== undefined) {
    const dst = g.target();
    if (g.loopDepth > 0) return;
    out.emit(op.LDX | op.MODE_MEM | op.SIZE_DW, dst, fp, -slot);
    state.set(dst, spilled);
    return;
  }
  const pointers = [...state.regs.keys()].filter((r) => ['packet', 'map value', 'ctx'].includes(state.get(r).kind));
  if (random.chance(0.5) && pointers.length > 0 && g.loopDepth === 0 && g.depth === 0) {
    const reg = random.pick(pointers);
    out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, fp, reg, -slot);
    state.spill(slot, state.get(reg));
  } else {
    out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, fp, random.pick(g.scalars()), -slot);
    state.writeStack(slot, 8);
  }
}

/** A load of an xdp_md field that is a plain number. */
export function contextField(g: Generator): void {
  if (g.state.get(ctxReg).kind !== 'ctx') return;
  const dst = g.target();
  g.out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, dst, ctxReg, g.random.pick([12, 16]));
  g.state.set(dst, scalar);
}

/** Loads, stores and atomic operations. */
import { xdpMd } from '../platform/index.js';
import type { Machine } from '../vm/index.js';
import { onesOf, signExtend } from './lower-alu.js';
import { contextMap, findKnown, type Place, withKnown, withoutAliases } from './memory-state.js';
import { packetKind } from './pointer-kind.js';
import { splitOffset } from './rules.js';
import type { Translation } from './translation.js';
import { type Detail, isConst, mask32, type Value } from './value.js';

/** The value of `size` bytes at an address, zero-extended. */
export function translateLoad(t: Translation, address: Value, size: number): Value {
  if (isConst(address)) {
    const at = Number(address.imm & mask32);
    if (address.imm <= mask32) {
      const field = contextField(t, at, size);
      if (field !== undefined) return field;
      const pieces = stackPieces(t, at, size);
      if (pieces !== undefined) return compose(t, at, pieces);
      const constant = t.trusted ? constantData(t.machine, at, size) : undefined;
      if (constant !== undefined) return t.graph.constant(constant);
    }
  }
  if (!isConst(address)) t.touch(address, size);
  const place = placeOf(t, address);
  if (t.trusted) {
    const known = findKnown(t.state.known, place, size);
    if (known !== undefined) return known;
  }
  const value = t.pin('load', [baseOf(t, place)], immOf(place), detailOf(t, place, size), onesOf(size));
  if (t.trusted) t.state.known = withKnown(t.state.known, place, size, value);
  return value;
}

export function translateSignedLoad(t: Translation, address: Value, size: number): Value {
  return signExtend(t.graph, translateLoad(t, address, size), size);
}

export function translateStore(t: Translation, address: Value, size: number, value: Value): void {
  if (isConst(address) && address.imm <= mask32) {
    const at = Number(address.imm);
    const pieces = stackPieces(t, at, size);
    if (pieces !== undefined) {
      for (const piece of pieces) {
        t.plan.noteStore(t.block, piece.at);
        t.write(t.pieceVariable(piece.at), extract(t, value, piece.at - at, piece.size));
      }
      return;
    }
  }
  t.escape(value);
  if (!isConst(address)) t.touch(address, size);
  const place = placeOf(t, address);
  t.pin('store', [baseOf(t, place), value], immOf(place), detailOf(t, place, size));
  if (!t.trusted) return;
  const stored = t.graph.and(value, t.graph.constant(onesOf(size)));
  t.state.known = withKnown(withoutAliases(t.state.known, place, size), place, size, stored);
}

/** An atomic operation (RFC 9669, section 5.3); `kind` is the instruction's immediate. Yields the old content. */
export function translateAtomic(
  t: Translation,
  address: Value,
  size: number,
  kind: number,
  operands: readonly Value[],
): Value {
  t.touch(address, size);
  for (const operand of operands) t.escape(operand);
  const place = placeOf(t, address);
  const memory = detailOf(t, place, size);
  const detail: Detail = { ...memory, kind: 'atomic', atomic: kind };
  const args = [baseOf(t, place), ...operands];
  const old = t.pin('atomic', args, immOf(place), detail, onesOf(size));
  t.state.known = withoutAliases(t.state.known, place, size);
  return old;
}

/** Words of the context: packet pointers and scalars. */
function contextField(t: Translation, at: number, size: number): Value | undefined {
  const { ctx } = t.machine;
  const offset = at - ctx.start;
  if (offset < 0 || offset + size > xdpMd.size || size !== 4 || offset % 4 !== 0) return undefined;
  const { graph } = t;
  if (offset > xdpMd.dataMeta) return graph.ctxField(offset);
  if (t.state.geometry !== 0) {
    const place: Place = { space: 'other', map: contextMap, base: undefined, offset: BigInt(at) };
    const known = findKnown(t.state.known, place, 4);
    if (known !== undefined) return known;
    const detail = { kind: 'memory', space: 'other', size: 4, map: -1, checked: false } as const;
    const value = t.pin('load', [graph.constant(BigInt(at))], 0n, detail, mask32);
    if (t.trusted) t.kinds.note(value, packetKind);
    t.state.known = withKnown(t.state.known, place, 4, value);
    return value;
  }
  if (offset === xdpMd.data) return graph.pointer(t.zero);
  if (offset === xdpMd.dataEnd) return graph.pointer(graph.length);
  return graph.pointer(graph.sub(t.zero, graph.metaLength));
}

/** The stack pieces that an access covers, or undefined if it goes to memory. */
export function stackPieces(
  t: Translation,
  at: number,
  size: number,
): { readonly at: number; readonly size: number }[] | undefined {
  if (!t.trusted) return undefined;
  const depth = t.plan.frameOf(BigInt(at));
  if (depth < 0 || at + size > t.plan.frameEnd(depth)) return undefined;
  if ((at & ~7) !== ((at + size - 1) & ~7) && size <= 8) {
    t.plan.toMemory(at, size);
    return undefined;
  }
  return t.plan.pieces(at, size);
}

/** The value that pieces make together: little-endian, the first one lowest. */
export function compose(t: Translation, at: number, pieces: readonly { at: number; size: number }[]): Value {
  const { graph } = t;
  const values = pieces.map((piece) => t.read(t.pieceVariable(piece.at)));
  const whole = wholeOf(t, values, pieces);
  if (whole !== undefined) return whole;
  let result: Value | undefined;
  for (const [i, piece] of pieces.entries()) {
    const shift = graph.constant(BigInt(8 * (piece.at - at)));
    const part = graph.make('shl', values[i] as Value, shift);
    result = result === undefined ? part : graph.make('or', result, part);
  }
  return result ?? t.zero;
}

/** If the pieces are what one value was cut into, that value. */
function wholeOf(t: Translation, values: readonly Value[], pieces: readonly { size: number }[]): Value | undefined {
  const first = t.cuts.get(values[0] as Value);
  if (first === undefined || first.offset !== 0 || pieces.length < 2) return undefined;
  let offset = 0;
  for (const [i, value] of values.entries()) {
    const cut = t.cuts.get(value);
    const size = pieces[i]?.size ?? 0;
    if (cut === undefined || cut.from !== first.from || cut.offset !== offset || cut.size !== size) return undefined;
    offset += size;
  }
  return t.graph.and(first.from, t.graph.constant(onesOf(offset)));
}

function extract(t: Translation, value: Value, offset: number, size: number): Value {
  if (offset === 0 && size === 8) return value;
  const { graph } = t;
  const shifted = graph.make('shr', value, graph.constant(BigInt(8 * offset)));
  const part = graph.and(shifted, graph.constant(onesOf(size)));
  if (!isConst(part)) t.cuts.set(part, { from: value, offset, size });
  return part;
}

/** Data that no one can change: `.rodata` and what else is frozen and read-only to programs. */
function constantData(machine: Machine, at: number, size: number): bigint | undefined {
  for (const map of machine.maps) {
    if (!map.isConstant) continue;
    const start = map.directValue();
    if (start === 0 || at < start || at + size > start + map.spec.valueSize) continue;
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(machine.memory.load8(at + i));
    return value;
  }
  return undefined;
}

export function placeOf(t: Translation, address: Value): Place {
  const kind = t.trusted ? t.kinds.of(address) : undefined;
  const space = kind?.space ?? 'other';
  const map = kind?.map ?? -1;
  if (isConst(address)) return { space, map, base: undefined, offset: address.imm };
  if (address.op === 'ptr') {
    const [symbol, offset] = splitOffset(address.args[0] as Value);
    return { space: 'packet', map: -1, base: t.graph.pointer(symbol ?? t.zero), offset };
  }
  const [symbol, offset] = splitOffset(address);
  return { space, map, base: symbol, offset };
}

function baseOf(t: Translation, place: Place): Value {
  return place.base ?? t.graph.constant(place.offset);
}

function immOf(place: Place): bigint {
  return place.base === undefined ? 0n : place.offset;
}

function detailOf(t: Translation, place: Place, size: number): Detail & { readonly kind: 'memory' } {
  return { kind: 'memory', space: place.space, size, map: place.map, checked: !t.trusted };
}

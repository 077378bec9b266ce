/**
 * The software card's compact form of IR: one Int32Array, a variable number of words an instruction, over *slots* of 64 bits.
 *
 *     pure             op dst a b
 *     load             op dst base offset           (packet: base is an offset or the zero slot)
 *     checked load     op dst base offset size space
 *     store            op base offset value
 *     checked store    op base offset value size space
 *     atomic           op dst base offset operand expected size kind checked
 *     lookup           op dst map count (slot size)*
 *     slot             op dst map index
 *     env              op dst helper
 *     call             op dst helper r1 .. r5 count (address slot size)*
 *     guard            op slot expect
 */
import { InternalError } from '../../base/index.js';
import { isConst, type OpName, opNames, type Value } from '../../ir/index.js';

/** Opcodes of pure values are positions in the IR's table; those below come after. */
export const pureCode: ReadonlyMap<OpName, number> = new Map(opNames.map((name, i) => [name, i]));

export const code = {
  load: 100,
  loadPacket: 104,
  loadChecked: 108,
  store: 110,
  storePacket: 114,
  storeChecked: 118,
  atomic: 120,
  lookup: 121,
  slot: 122,
  env: 123,
  call: 124,
  guard: 125,
  len: 126,
  metalen: 127,
  ctx: 128,
  ptr: 129,
} as const;

const log2: Readonly<Record<number, number>> = { 1: 0, 2: 1, 4: 2, 8: 3 };

/** Appends `value`, whose result goes to slot `dst`; `slotOf` tells where its arguments are. */
export function encode(out: number[], value: Value, dst: number, slotOf: (value: Value) => number): void {
  const args = value.args.map(slotOf);
  const [a = 0, b = 0] = args;
  const detail = value.detail;
  const offset = Number(value.imm);
  switch (value.op) {
    case 'const':
    case 'ret':
      return;
    case 'len':
      out.push(code.len, dst);
      return;
    case 'metalen':
      out.push(code.metalen, dst);
      return;
    case 'ctx':
      out.push(code.ctx, dst, offset);
      return;
    case 'env':
      out.push(code.env, dst, offset);
      return;
    case 'ptr':
      out.push(code.ptr, dst, a);
      return;
    case 'load': {
      if (detail?.kind !== 'memory') break;
      const isPacket = detail.space === 'packet';
      const at = isPacket ? packetOffset(value) : offset;
      if (detail.checked) out.push(code.loadChecked, dst, a, offset, detail.size, isPacket ? 1 : 0);
      else if (isPacket && isConst(value.args[0] as Value))
        out.push(code.loadPacket + (log2[detail.size] ?? 0), dst, -1, at);
      else out.push((isPacket ? code.loadPacket : code.load) + (log2[detail.size] ?? 0), dst, a, offset);
      return;
    }
    case 'store': {
      if (detail?.kind !== 'memory') break;
      const isPacket = detail.space === 'packet';
      if (detail.checked) out.push(code.storeChecked, a, offset, b, detail.size, isPacket ? 1 : 0);
      else if (isPacket && isConst(value.args[0] as Value))
        out.push(code.storePacket + (log2[detail.size] ?? 0), -1, packetOffset(value), b);
      else out.push((isPacket ? code.storePacket : code.store) + (log2[detail.size] ?? 0), a, offset, b);
      return;
    }
    case 'atomic':
      if (detail?.kind !== 'atomic') break;
      out.push(code.atomic, dst, a, offset, b, args[2] ?? 0, detail.size, detail.atomic, detail.checked ? 1 : 0);
      return;
    case 'lookup':
      if (detail?.kind !== 'lookup') break;
      out.push(code.lookup, dst, detail.map, args.length);
      for (const [i, piece] of detail.pieces.entries()) out.push(args[i] ?? 0, piece.size);
      return;
    case 'slot':
      if (detail?.kind !== 'slot') break;
      out.push(code.slot, dst, detail.map, a);
      return;
    case 'call':
      if (detail?.kind !== 'call') break;
      out.push(code.call, dst, detail.helper, ...args.slice(0, 5), detail.pieces.length);
      for (const [i, piece] of detail.pieces.entries()) out.push(piece.at, args[5 + i] ?? 0, piece.size);
      return;
    case 'guard':
      if (detail?.kind !== 'guard') break;
      out.push(code.guard, a, detail.expect ? 1 : 0);
      return;
    default: {
      const pure = pureCode.get(value.op);
      if (pure === undefined) break;
      out.push(pure, dst, a, b);
      return;
    }
  }
  throw new InternalError('card code', `cannot encode ${value.op}`);
}

function packetOffset(value: Value): number {
  return Number(BigInt.asIntN(64, (value.args[0] as Value).imm)) + Number(value.imm);
}

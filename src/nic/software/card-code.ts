/**
 * The software card's compact form of IR: one Int32Array, a variable number of words an instruction, over *slots* of
 * 64 bits.
 *
 *     pure             op dst a b
 *     load             op dst base offset
 *     checked load     op dst base offset size
 *     store            op base offset value
 *     checked store    op base offset value size
 *     atomic           op dst base offset operand expected size kind checked
 *     lookup           op dst map count (slot size)*
 *     slot             op dst map index
 *     select           op dst condition yes no
 *     env              op dst helper
 *     call             op dst helper r1 .. r5 count (address slot size)*
 *     guard            op slot expect
 */
import { InternalError } from '../../base/index.js';
import type { OpName, Value } from '../../ir/index.js';
import { opcodes, pureOpcodes } from './card-opcodes.js';

/** Place of an access's width among its opcodes. */
const log2: Readonly<Record<number, number>> = { 1: 0, 2: 1, 4: 2, 8: 3 };

/**
 * Appends `value`, whose result goes to slot `dst`. `slotOf` tells where its arguments are; what is known without a
 * packet is in a slot already. `stackAt`: guest address of a byte of the stack.
 */
export function encode(
  out: number[],
  value: Value,
  dst: number,
  slotOf: (value: Value) => number,
  stackAt: (at: number) => number,
): void {
  const args = value.args.map(slotOf);
  const [a = 0, b = 0] = args;
  const detail = value.detail;
  const offset = Number(value.imm);
  switch (value.op) {
    case 'const':
    case 'ret':
      return;
    case 'len':
      out.push(opcodes.len, dst);
      return;
    case 'metalen':
      out.push(opcodes.metalen, dst);
      return;
    case 'ctx':
      out.push(opcodes.ctx, dst, offset);
      return;
    case 'env':
      out.push(opcodes.env, dst, offset);
      return;
    case 'ptr':
      out.push(opcodes.ptr, dst, a);
      return;
    case 'select':
      out.push(opcodes.select, dst, a, b, args[2] ?? 0);
      return;
    case 'load': {
      if (detail?.kind !== 'memory') break;
      if (detail.checked) out.push(opcodes.loadChecked, dst, a, offset, detail.size);
      else out.push(opcodes.load8 + (log2[detail.size] ?? 0), dst, a, offset);
      return;
    }
    case 'store': {
      if (detail?.kind !== 'memory') break;
      if (detail.checked) out.push(opcodes.storeChecked, a, offset, b, detail.size);
      else out.push(opcodes.store8 + (log2[detail.size] ?? 0), a, offset, b);
      return;
    }
    case 'atomic':
      if (detail?.kind !== 'atomic') break;
      out.push(opcodes.atomic, dst, a, offset, b, args[2] ?? 0, detail.size, detail.atomic, detail.checked ? 1 : 0);
      return;
    case 'lookup':
      if (detail?.kind !== 'lookup') break;
      out.push(opcodes.lookup, dst, detail.map, args.length);
      for (const [i, piece] of detail.pieces.entries()) out.push(args[i] ?? 0, piece.size);
      return;
    case 'slot':
      if (detail?.kind !== 'slot') break;
      out.push(opcodes.slot, dst, detail.map, a);
      return;
    case 'call':
      if (detail?.kind !== 'call') break;
      out.push(opcodes.call, dst, detail.helper, ...args.slice(0, 5), detail.pieces.length);
      for (const [i, piece] of detail.pieces.entries()) out.push(stackAt(piece.at), args[5 + i] ?? 0, piece.size);
      return;
    case 'guard':
      if (detail?.kind !== 'guard') break;
      out.push(opcodes.guard, a, detail.expect ? 1 : 0);
      return;
    default: {
      const pure = (pureOpcodes as Partial<Record<OpName, number>>)[value.op];
      if (pure === undefined) break;
      out.push(pure, dst, a, b);
      return;
    }
  }
  throw new InternalError('card code', `cannot encode ${value.op}`);
}

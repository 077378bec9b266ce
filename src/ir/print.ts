/**
 * Text form of the IR, one value a line:
 *
 *     v7 = load.2 packet[12]
 *     v9 = v7 == 0xdd86
 *     guard v9
 *     ret 1
 */
import { opTable } from './ops.js';
import type { TraceCode } from './trace.js';
import { isConst, signed, type Value } from './value.js';

export interface Names {
  map(index: number): string;
  ctxField(offset: number): string;
}

export const plainNames: Names = {
  map: (index) => `map${index}`,
  ctxField: (offset) => `ctx[${offset}]`,
};

/** Small numbers in decimal, others in hex; negative ones with a sign where they are near zero. */
export function formatConstant(imm: bigint): string {
  const s = signed(imm);
  if (s > -0x10000n && s < 1024n) return s.toString();
  return `0x${imm.toString(16)}`;
}

function operand(value: Value): string {
  return isConst(value) ? formatConstant(value.imm) : `v${value.id}`;
}

function place(value: Value, names: Names): string {
  const detail = value.detail;
  const base = value.args[0] as Value;
  const offset = value.imm === 0n ? '' : value.imm < 0n ? ` - ${-value.imm}` : ` + ${value.imm}`;
  const space = detail?.kind === 'memory' || detail?.kind === 'atomic' ? detail : undefined;
  const check = space?.checked === true ? ' checked' : '';
  const where = space?.space === 'map' ? names.map(space.map) : (space?.space ?? '?');
  if (space?.space === 'packet' && isConst(base)) return `packet[${signed(base.imm) + value.imm}]${check}`;
  return `${where}[${operand(base)}${offset}]${check}`;
}

/** One line without the leading indentation. */
export function formatValue(value: Value, names: Names = plainNames): string {
  const name = `v${value.id} = `;
  const args = value.args.map(operand);
  const detail = value.detail;
  switch (value.op) {
    case 'const':
      return `${name}${formatConstant(value.imm)}`;
    case 'ctx':
      return `${name}${names.ctxField(Number(value.imm))}`;
    case 'load':
      return `${name}load.${detail?.kind === 'memory' ? detail.size : 0} ${place(value, names)}`;
    case 'store':
      return `store.${detail?.kind === 'memory' ? detail.size : 0} ${place(value, names)}, ${args[1]}`;
    case 'atomic':
      return `${name}atomic.${detail?.kind === 'atomic' ? `${detail.size} 0x${detail.atomic.toString(16)}` : ''} ${place(value, names)}, ${args.slice(1).join(', ')}`;
    case 'lookup': {
      if (detail?.kind !== 'lookup') break;
      const pieces = value.args.map((arg, i) => `${operand(arg)}.${detail.pieces[i]?.size ?? 0}`);
      return `${name}lookup ${names.map(detail.map)}[${pieces.join(' ')}]`;
    }
    case 'slot':
      return `${name}slot ${names.map(detail?.kind === 'slot' ? detail.map : -1)}[${args[0]}]`;
    case 'call': {
      if (detail?.kind !== 'call') break;
      const pieces = value.args
        .slice(5)
        .map((arg, i) => `${operand(arg)}.${detail.pieces[i]?.size ?? 0}@0x${detail.pieces[i]?.address.toString(16)}`);
      return `${name}call ${detail.name}(${args.slice(0, 5).join(', ')})${pieces.length > 0 ? ` reads ${pieces.join(' ')}` : ''}`;
    }
    case 'guard':
      return `guard ${detail?.kind === 'guard' && !detail.expect ? 'not ' : ''}${args[0]}`;
    case 'ret':
      return `ret ${args[0]}`;
    default:
      break;
  }
  const infix = opTable[value.op].infix;
  if (infix !== undefined) return `${name}${args[0]} ${infix} ${args[1]}`;
  return `${name}${value.op}${args.length > 0 ? `(${args.join(', ')})` : ''}`;
}

export function formatTrace(code: TraceCode, names: Names = plainNames): string {
  return code.values
    .filter((value) => !isConst(value))
    .map((value) => formatValue(value, names))
    .join('\n');
}

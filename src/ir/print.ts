/**
 * Text form of the IR, one value a line:
 *
 *     v7 = load.2 packet[12]
 *     v9 = v7 == 0xdd86
 *     guard v9
 *     ret 1
 *
 * The plain form is for people; the exact form ends lines with what it leaves out, in braces, and can be read back
 * (parse.ts):
 *
 *     v7 = load.2 packet[v6 + 12] {early, at 0:4}
 */

import { resultOnesOfDetail } from './ones.js';
import { opTable } from './ops.js';
import { placesOfAccesses, type TraceCode } from './trace.js';
import { isConst, signed, type Value } from './value.js';

/** How maps and fields of the context are called. */
export interface Names {
  map(index: number): string;
  ctxField(offset: number): string;
}

/** Names for text that has no object at hand: `map0`, `ctx[16]`. The exact form uses them, and parse.ts reads them. */
export const plainNames: Names = {
  map: (index) => (index < 0 ? 'map?' : `map${index}`),
  ctxField: (offset) => `ctx[${offset}]`,
};

/** How values are written. */
export interface TextStyle {
  readonly names: Names;
  /** Name of a value that is no constant. */
  readonly label: (value: Value) => string;
  readonly isExact: boolean;
  /** What a value is computed from, where that is not what the value says itself: phis. */
  readonly argsOf?: (value: Value) => readonly Value[];
  /** Pointers that have no line of their own: accesses through them show the offset in the packet in their stead. */
  readonly places?: ReadonlySet<Value>;
}

const byId = (value: Value): string => `v${value.id}`;

/** Small numbers in decimal, others in hex; negative ones with a sign where they are near zero. */
export function formatConstant(imm: bigint): string {
  const s = signed(imm);
  if (s > -0x10000n && s < 1024n) return s.toString();
  return `0x${imm.toString(16)}`;
}

/** A value as an operand: a constant as it is, any other by its label. */
export function operandText(value: Value, style: TextStyle): string {
  return isConst(value) ? formatConstant(value.imm) : style.label(value);
}

/** What an access touches: `packet[v2 + 12]`. */
function placeText(value: Value, style: TextStyle): string {
  const { detail, imm } = value;
  const place = value.args[0] as Value;
  const [offsetInPacket] = style.places?.has(place) === true ? place.args : [];
  const base = offsetInPacket ?? place;
  const offset = imm === 0n ? '' : imm < 0n ? ` - ${-imm}` : ` + ${imm}`;
  const access = detail?.kind === 'memory' || detail?.kind === 'atomic' ? detail : undefined;
  const check = access?.checked === true ? ' checked' : '';
  const where = access?.space === 'map' ? style.names.map(access.map) : (access?.space ?? '?');
  if (offsetInPacket !== undefined && isConst(offsetInPacket))
    return `${where}[${signed(offsetInPacket.imm) + imm}]${check}`;
  return `${where}[${operandText(base, style)}${offset}]${check}`;
}

/** `cell flows.next[3]`, `cell counters.value[3]@1`: an element by its number, and whose. */
function cellText({ imm, detail }: Value, names: Names): string {
  if (detail?.kind !== 'cell') return 'cell';
  const { part, element, cpu } = detail;
  return `cell ${names.map(Number(imm))}.${part}[${element}]${cpu === undefined ? '' : `@${cpu}`}`;
}

/** One line without the leading indentation. */
export function valueText(value: Value, style: TextStyle): string {
  const text = plainText(value, style);
  const notes = style.isExact ? notesOf(value) : [];
  return notes.length === 0 ? text : `${text} {${notes.join(', ')}}`;
}

/** The line without its notes. */
function plainText(value: Value, style: TextStyle): string {
  const { names } = style;
  const name = `${style.label(value)} = `;
  const args = (style.argsOf?.(value) ?? value.args).map((arg) => operandText(arg, style));
  const { detail } = value;
  switch (value.op) {
    case 'const':
      return `${name}${formatConstant(value.imm)}`;
    case 'ctx':
      return `${name}${names.ctxField(Number(value.imm))}`;
    case 'map':
    case 'data':
      return `${name}${value.op} ${names.map(Number(value.imm))}`;
    case 'element':
      return `${name}element ${names.map(Number(value.imm))}[${args[0]}]`;
    case 'cell':
      return `${name}${cellText(value, names)}`;
    case 'env':
    case 'code':
    case 'frame':
      return `${name}${value.op} ${value.imm}`;
    case 'load':
      return `${name}load.${detail?.kind === 'memory' ? detail.size : 0} ${placeText(value, style)}`;
    case 'store':
      return `store.${detail?.kind === 'memory' ? detail.size : 0} ${placeText(value, style)}, ${args[1]}`;
    case 'fill':
      return `fill.${detail?.kind === 'memory' ? detail.size : 0} ${placeText(value, style)}`;
    case 'atomic':
      return `${name}atomic.${detail?.kind === 'atomic' ? `${detail.size} 0x${detail.atomic.toString(16)}` : ''} ${placeText(value, style)}, ${args.slice(1).join(', ')}`;
    case 'lookup': {
      if (detail?.kind !== 'lookup') break;
      const pieces = args.map((arg, i) => {
        const piece = detail.pieces[i];
        return piece === undefined ? arg : `${arg}.${piece.size}`;
      });
      return `${name}lookup ${names.map(detail.map)}[${pieces.join(' ')}]`;
    }
    case 'slot':
      return `${name}slot ${names.map(detail?.kind === 'slot' ? detail.map : -1)}[${args[0]}]`;
    case 'call': {
      if (detail?.kind !== 'call') break;
      const pieces = args
        .slice(5)
        .map((arg, i) => `${arg}.${detail.pieces[i]?.size ?? 0}@0x${detail.pieces[i]?.at.toString(16)}`);
      return `${name}call ${detail.name}(${args.slice(0, 5).join(', ')})${pieces.length > 0 ? ` reads ${pieces.join(' ')}` : ''}`;
    }
    case 'guard':
      return `guard ${detail?.kind === 'guard' && !detail.expect ? 'not ' : ''}${args[0]}`;
    case 'ret':
      return `ret ${args[0]}`;
    default:
      break;
  }
  const { infix } = opTable[value.op];
  if (infix !== undefined) return `${name}${args[0]} ${infix} ${args[1]}`;
  return `${name}${value.op}${args.length > 0 ? `(${args.join(', ')})` : ''}`;
}

/** What the plain form leaves out. */
function notesOf(value: Value): string[] {
  const notes: string[] = [];
  const { detail, op } = value;
  const { kind } = opTable[op];
  if (op === 'code' && value.origin.program !== 0) return [`at ${value.origin.program}:${value.origin.pc}`];
  if (kind === 'pure' || (kind === 'leaf' && op !== 'phi')) return notes;
  if (detail?.kind === 'lookup' && detail.marks) notes.push('marks');
  if (detail?.kind === 'call' && !detail.visible) notes.push('hidden');
  if (op !== 'load' && op !== 'store' && op !== 'atomic' && op !== 'fill' && value.imm !== 0n)
    notes.push(`imm ${value.imm}`);
  if (opTable[op].width > 0 && value.ones !== resultOnesOfDetail(op, detail))
    notes.push(`ones 0x${value.ones.toString(16)}`);
  if (value.early && (op === 'load' || op === 'lookup' || op === 'slot')) notes.push('early');
  if (op !== 'phi') notes.push(`at ${value.origin.program}:${value.origin.pc}`);
  return notes;
}

/** One value as a line, in the plain form. */
export function formatValue(value: Value): string {
  return valueText(value, { names: plainNames, label: byId, isExact: false });
}

/** Values of a trace as lines in the plain form, as far as they have one: constants stand in the operands. */
export function traceLines(values: readonly Value[], names: Names): { readonly value: Value; readonly text: string }[] {
  const style = { names, label: byId, isExact: false, places: placesOfAccesses(values) };
  const shown = values.filter((value) => !isConst(value) && !style.places.has(value));
  return shown.map((value) => ({ value, text: valueText(value, style) }));
}

/**
 * A trace, a line a value. Constants stand in the operands; in the exact form values are numbered by line, so that a
 * text read back and printed is the same text.
 */
export function formatTrace(code: TraceCode, names: Names = plainNames, isExact = false): string {
  if (!isExact)
    return traceLines(code.values, names)
      .map(({ text }) => text)
      .join('\n');
  const lines = code.values.filter((value) => !isConst(value));
  const numbers = new Map(lines.map((value, i) => [value, i]));
  const label = (value: Value): string => `v${numbers.get(value) ?? -1}`;
  const text = lines.map((value) => valueText(value, { names, label, isExact })).join('\n');
  return code.transactional ? `transactional\n${text}` : text;
}

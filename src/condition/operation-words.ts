/**
 * One operation on texts, the way C writes it: arithmetic of 32 bits and of signed numbers is a matter of casts there.
 *
 *     (u32)(a + b)   (s64)a < (s64)b   (s8)a   (a ? b : c)   a != b
 *
 * A rotation, which compilers write as two shifts, is one again: `rol(a, 13)`.
 */
import { formatConstant, isConst, mask32, opTable, signed, type Value } from '../ir/index.js';

/** What a value is put together from in words; their texts are what {@link operationWords} takes. */
export function partsOf(value: Value): readonly Value[] {
  const rotated = rotation(value);
  return rotated === undefined ? value.args : [rotated.value];
}

/** The contrary of a comparison. */
const negated: Readonly<Record<string, string>> = { '==': '!=', '<': '>=', '<=': '>' };

/** The operation on the texts of its {@link partsOf}; in parentheses unless nothing can come between its parts. */
export function operationWords(value: Value, args: readonly string[]): string {
  const rotated = rotation(value);
  if (rotated !== undefined) return `rol(${uncut(rotated.value, args[0] ?? '')}, ${rotated.by})`;
  const [first = '', second = '', third = ''] = args;
  const [a, b] = value.args;
  const { op } = value;
  if (op === 'select') return `(${first} ? ${second} : ${third})`;
  if (op === 'eq' && b !== undefined && isConst(b) && b.imm === 0n) {
    if (a?.op === 'lookup') return `${first} not found`;
    // What is compared with 0 is a comparison: its words are there, and need only be turned.
    const turned = a === undefined ? undefined : contrary(a, first);
    if (turned !== undefined) return turned;
  }
  if (op === 'sext8' || op === 'sext16' || op === 'sext32') return `(s${op.slice(4)})${atom(first)}`;
  const { infix, width } = opTable[op];
  if (infix === undefined) return `${op}(${args.join(', ')})`;
  const isNarrow = width === 32;
  const isSigned = infix.startsWith('s');
  const sign = infix.replace(/^s|32$/g, '');
  if (isSigned) {
    const bits = isNarrow ? 32 : 64;
    const right = sign === '>>' ? second : signedText(b, second, bits);
    const text = `(${signedText(a, first, bits)} ${sign} ${right})`;
    return isNarrow ? `(u32)${text}` : text;
  }
  // What is cut to 32 bits in the end need not be cut on the way.
  const [left, right] = isNarrow ? [uncut(a, first), uncut(b, second)] : [first, second];
  const constant = b !== undefined && isConst(b) ? BigInt.asIntN(isNarrow ? 32 : 64, b.imm) : undefined;
  const text =
    sign === '+' && constant !== undefined && constant < 0n
      ? `(${left} - ${-constant})`
      : `(${left} ${sign} ${factor(sign, right)})`;
  return isNarrow ? `(u32)${text}` : text;
}

/** What an operation on 32 bits takes of a constant, and of a sum or product of 32 bits. */
function uncut(value: Value | undefined, text: string): string {
  if (value === undefined) return text;
  if (isConst(value)) return formatConstant(value.imm & mask32);
  const isCut = opTable[value.op].width === 32 && !opTable[value.op].infix?.startsWith('s');
  return isCut ? text.replace(/^\(u32\)(?=\()/, '') : text;
}

/** The text of a comparison, turned into its contrary; undefined for what is none. */
function contrary(value: Value, text: string): string | undefined {
  if (value.op === 'eq' && / not found$/.test(text) && !text.startsWith('('))
    return text.replace(/ not found$/, ' found');
  const { infix, kind } = opTable[value.op];
  if (kind !== 'pure' || infix === undefined || !text.startsWith('(')) return undefined;
  const sign = infix.replace(/^s/, '');
  const opposite = negated[sign];
  const at = opposite === undefined ? -1 : topLevel(text, ` ${sign} `);
  return at < 0 ? undefined : `${text.slice(0, at)} ${opposite} ${text.slice(at + sign.length + 2)}`;
}

/** Where a sign stands in a text in parentheses, inside of no others; -1 where it does not, or more than once. */
function topLevel(text: string, sign: string): number {
  let depth = 0;
  let found = -1;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '(' || c === '[') depth++;
    else if (c === ')' || c === ']') depth--;
    else if (depth === 1 && text.startsWith(sign, i)) {
      if (found >= 0) return -1;
      found = i;
    }
  }
  return found;
}

/** A number that is compared or divided with its sign. */
export function signedText(value: Value | undefined, text: string, bits: 32 | 64 = 64): string {
  if (value !== undefined && isConst(value)) return `${bits === 64 ? signed(value.imm) : BigInt.asIntN(32, value.imm)}`;
  return /^\(s\d+\)/.test(text) ? text : `(s${bits})${atom(text)}`;
}

/** A product without parentheses, which `brief` words may be. */
const isBare = (text: string): boolean => / \* \d+$/.test(text);

/** What a cast or an operator before it must not take apart. */
const atom = (text: string): string => (isBare(text) ? `(${text})` : text);

/** The right side of an operator: of a quotient, a product of its own stays together. */
const factor = (sign: string, text: string): string => (sign === '/' || sign === '%' ? atom(text) : text);

/** `(x << n) | (x >> (32 - n))` on the low half of x. */
function rotation(value: Value): { readonly value: Value; readonly by: number } | undefined {
  const [a, b] = value.args;
  if (value.op !== 'or' || a === undefined || b === undefined) return undefined;
  for (const [left, right] of [
    [a, b],
    [b, a],
  ] as const) {
    const up = shiftOf(left, 'shl32');
    const down = shiftOf(right, 'shr');
    if (up === undefined || down === undefined || up.by + down.by !== 32) continue;
    if (lowHalf(up.value) === lowHalf(down.value)) return { value: up.value, by: up.by };
  }
  return undefined;
}

/** The operand and distance of a shift by a constant. */
function shiftOf(value: Value, op: 'shl32' | 'shr'): { readonly value: Value; readonly by: number } | undefined {
  const [a, b] = value.args;
  return value.op === op && a !== undefined && b !== undefined && isConst(b)
    ? { value: a, by: Number(b.imm) }
    : undefined;
}

/** The value without a mask that keeps its low 32 bits. */
function lowHalf(value: Value): Value {
  const [a, b] = value.args;
  return value.op === 'and' && a !== undefined && b?.imm === mask32 && isConst(b) ? a : value;
}

/**
 * Which values are kept in 32 bits. A value of 64 is an i32 if its upper half is known to be zero, or if no one looks
 * at it: addresses, what is stored in four bytes, arguments of 32-bit operations, and whatever these are computed from
 * by operations that do not move bits down.
 */
import { argumentsOf, type FunctionCode, mask32, type Needed, opTable, type Use, type Value } from '../ir/index.js';

/** Whether a value is an i32 or an i64 in WebAssembly. */
export type Representation = 'i32' | 'i64';

/** Operations whose low half depends on the low halves of their arguments alone. */
const ring: ReadonlySet<string> = new Set([
  'add',
  'sub',
  'mul',
  'and',
  'or',
  'xor',
  'phi',
  'ptr',
  'select',
  'shl',
  'element',
]);

/** Chooses for all values of a function: i32 where the upper half is zero or no one looks at it. */
export function representations(code: FunctionCode, { uses }: Needed): (value: Value) => Representation {
  const { graph, checked } = code;
  const argsOf = argumentsOf(code);
  /** By id: 1 for values whose upper half is read and may be other than 0. */
  const wide = new Uint8Array(graph.code.length);
  const work: Value[] = [];
  const widen = (value: Value): void => {
    if (wide[value.id] === 1 || value.ones <= mask32) return;
    wide[value.id] = 1;
    work.push(value);
  };
  for (let id = 0; id < uses.length; id++) {
    const value = graph.code[id] as Value;
    for (const { user, index } of uses[id] ?? none)
      if (user === undefined || readsAll(user, index, checked)) widen(value);
  }
  for (let value = work.pop(); value !== undefined; value = work.pop()) {
    const args = argsOf(value);
    if (ring.has(value.op)) for (let i = 0; i < args.length; i++) if (!isMasked(value, i)) widen(args[i] as Value);
  }
  return (value) => (wide[value.id] === 1 ? 'i64' : 'i32');
}

const none: readonly Use[] = [];

/** What the other argument of `and` masks off is not read. */
function isMasked(value: Value, index: number): boolean {
  const other = value.args[1 - index];
  return value.op === 'and' && other !== undefined && other.ones <= mask32;
}

/** Does the user read the upper half of argument `index`, whatever becomes of its own result? */
function readsAll(user: Value, index: number, checked: boolean): boolean {
  const row = opTable[user.op];
  const [, b] = user.args;
  switch (user.op) {
    case 'load':
      return checked;
    case 'fill':
    case 'lookup':
      return false;
    case 'store':
    case 'atomic': {
      const size = user.detail?.kind === 'memory' || user.detail?.kind === 'atomic' ? user.detail.size : 8;
      return index === 0 ? checked : size === 8;
    }
    case 'shl':
      // A count of 32 or more is not what a 32-bit shift understands.
      return index === 0 ? b !== undefined && b.op !== 'const' && b.ones > 31n : false;
    case 'add':
    case 'sub':
    case 'mul':
    case 'and':
    case 'or':
    case 'xor':
    case 'phi':
    case 'ptr':
    case 'element':
    case 'select':
    case 'sext8':
    case 'sext16':
    case 'sext32':
    case 'bswap16':
    case 'bswap32':
    case 'sar32':
    case 'shl32':
      return false;
    default:
      return row.width !== 32;
  }
}

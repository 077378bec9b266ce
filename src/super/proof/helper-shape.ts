/**
 * What a call hands over, by the table of helpers: which registers, which bytes behind them, what it may change. A
 * helper without a row (of another program type) may do anything with what it is given.
 */
import {
  type ArgClass,
  argAccess,
  changesAny,
  type HelperRow,
  type HelperSpec,
  helperId,
  helperNames,
  helperRow,
  type ReturnClass,
} from '../../platform/index.js';

/** A call as both versions must make it. */
export interface CallShape {
  /** Equal for calls of the same function. */
  readonly id: string;
  /** Undefined: unknown prototype. */
  readonly args: readonly ArgClass[] | undefined;
  readonly result: ReturnClass;
  /** Sees nothing of the packet, maps and context but bytes behind its arguments, and changes nothing of them. */
  readonly isBlind: boolean;
  /** The result depends on the key and the state of the map only, and nobody can tell that the call was made. */
  readonly isLookup: boolean;
  readonly movesPacket: boolean;
  readonly writesPacket: boolean;
  readonly writesMaps: boolean;
  /** Whatever a program can reach may be different afterwards. */
  readonly writesAll: boolean;
  /** What is behind a `mem out` is written only if the result is 0. */
  readonly fillsOnSuccess: boolean;
}

/** Helpers of other program types, as far as proof and analyses need them. */
export const otherHelpers: Readonly<Partial<Record<string, HelperSpec>>> = {
  probe_read: { args: ['mem out', 'size?', 'any'], ret: 'integer', fills: 'always', stops: true },
  probe_read_str: { args: ['mem out', 'size?', 'any'], ret: 'integer', stops: true },
  skb_load_bytes: { args: ['ctx', 'any', 'mem out', 'size'], ret: 'integer', fills: 'always' },
  skb_load_bytes_relative: { args: ['ctx', 'any', 'mem out', 'size', 'any'], ret: 'integer', fills: 'always' },
  skb_store_bytes: { args: ['ctx', 'any', 'mem', 'size', 'any'], ret: 'integer', moves: 'tail', changes: ['packet'] },
};

const lookup = helperId.map_lookup_elem;

/** The call of helper `number`. */
export function helperShape(number: number): CallShape {
  const row: HelperSpec | undefined = helperRow(number) ?? otherHelpers[helperNames[number] ?? ''];
  if (row === undefined) return anyCall(`helper ${number}`);
  const writesAll = changesAny(row as HelperRow, 'memory', 'program');
  return {
    id: `helper ${number}`,
    // What it prints may be in all registers behind its arguments.
    args: row.prints === 'registers' ? [...row.args, 'any', 'any', 'any'] : row.args,
    result: row.ret,
    isBlind: isBlind(row),
    isLookup: number === lookup,
    movesPacket: row.moves !== undefined || changesAny(row as HelperRow, 'program'),
    writesPacket: row.moves !== undefined || writesAll || changesAny(row as HelperRow, 'packet'),
    writesMaps: writesAll || changesAny(row as HelperRow, 'elements', 'lock'),
    writesAll,
    fillsOnSuccess: row.fills === 'on success',
  };
}

/** Can the call see nothing of memory but what its arguments point to? */
function isBlind(row: HelperSpec): boolean {
  const seen = row.args.some((arg) => arg === 'ctx' || arg === 'func' || argAccess(arg) === 'object');
  const apart = row.changes?.every((change) => change === 'output' || change === 'generator' || change === 'redirect');
  // What stops in our machines reads wherever a number says.
  return !seen && apart !== false && row.stops !== true;
}

/** A call of which nothing is known but what it is given. */
export function anyCall(id: string): CallShape {
  return {
    id,
    args: undefined,
    result: 'integer',
    isBlind: false,
    isLookup: false,
    movesPacket: true,
    writesPacket: true,
    writesMaps: true,
    writesAll: true,
    fillsOnSuccess: false,
  };
}

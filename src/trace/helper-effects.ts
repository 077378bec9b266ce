/**
 * What each helper reads and changes, as far as a trace must know: which stack bytes to put into memory before the
 * call, and what is no longer known after it. All of it follows from the helper's row; a helper is traced if nothing
 * that it is given is out of the recorder's sight (functions of the program, dynptrs, timers, kernel pointers).
 */
import {
  type ArgClass,
  changesAny,
  type HelperRow,
  helperRows,
  isEnvironment as isOfPacket,
} from '../platform/index.js';

/**
 * One argument. `key` and `value` are as large as the map in argument 1 says; `mem`, `out` and `inout` as the next
 * argument says, or as their number. `printed` is a number, a pointer to what is printed, or a register that nothing
 * has set (it is then 0); `printed-list` points to such numbers and pointers.
 */
export type ArgKind =
  | 'any'
  | 'printed'
  | 'printed-list'
  | 'map'
  | 'key'
  | 'value'
  | 'out-value'
  | 'mem'
  | 'out'
  | 'inout'
  | { readonly read: number }
  | { readonly out: number }
  | { readonly inout: number };

/** What the recorder asks of a helper's call. */
export interface HelperEffects {
  readonly args: readonly ArgKind[];
  /** A function of what the packet brings along: may be evaluated early and shared. */
  readonly environment: boolean;
  /** Changes something outside of the stack and its `out` arguments. */
  readonly visible: boolean;
  /** Changes what look-ups in the map find, and its values. */
  readonly mutatesMap: boolean;
  /** Changes packet bytes. */
  readonly writesPacket: boolean;
  /** r0 is a pointer to a value of the map, or 0. */
  readonly returnsElement: boolean;
  /** r0 is a pointer to memory of its own (a ring buffer record). */
  readonly returnsMemory: boolean;
}

/** `undefined`: the recorder can't follow it. */
const kinds: Readonly<Record<Exclude<ArgClass, object>, ArgKind | undefined>> = {
  any: 'any',
  ctx: 'any',
  map: 'map',
  key: 'key',
  value: 'value',
  'value out': 'out-value',
  mem: 'mem',
  'mem?': 'mem',
  'mem inout': 'inout',
  'mem out': 'out',
  'mem out?': 'out',
  size: 'any',
  'size?': 'any',
  'alloc size': 'any',
  'ringbuf mem release': 'any',
  func: undefined,
  'stack?': undefined,
  spin_lock: 'any',
  timer: undefined,
  socket: 'any',
  sock_common: 'any',
  'sock_common release': 'any',
  // It lies in a read-only map, which is memory at all times.
  const_str: 'any',
  'percpu ptr': undefined,
  'kernel ptr': undefined,
  dynptr: undefined,
  'dynptr local new': undefined,
  'dynptr ringbuf new': undefined,
  'dynptr ringbuf release': undefined,
};

/** What an argument class means to a recorder; undefined: it cannot be followed. */
function kindOf(arg: ArgClass, { prints }: HelperRow): ArgKind | undefined {
  if (typeof arg !== 'object') return arg === 'mem?' && prints === 'list' ? 'printed-list' : kinds[arg];
  switch (arg.mode) {
    case 'in':
      return { read: arg.fixed };
    case 'out':
      return { out: arg.fixed };
    case 'inout':
      return { inout: arg.fixed };
  }
}

/** A helper's effects by its row; undefined for one that no trace may call. */
function effectsOf(row: HelperRow): HelperEffects | undefined {
  const args = row.args.map((arg) => kindOf(arg, row));
  if (row.prints === 'registers') while (args.length < 5) args.push('printed');
  const known = args.filter((arg) => arg !== undefined);
  if (known.length < args.length || row.lacks !== undefined || row.stops === true) return undefined;
  return {
    args: known,
    environment: isOfPacket(row),
    visible: row.changes !== undefined || row.moves !== undefined,
    mutatesMap: changesAny(row, 'elements'),
    writesPacket: changesAny(row, 'packet'),
    returnsElement: row.ret === 'map_value?',
    returnsMemory: row.ret === 'ringbuf_mem?',
  };
}

/** By helper number; what is missing is not traced. */
export const helperEffects: ReadonlyMap<number, HelperEffects> = new Map(
  helperRows.flatMap((row) => {
    const effects = effectsOf(row);
    return effects === undefined ? [] : [[row.number, effects] as const];
  }),
);

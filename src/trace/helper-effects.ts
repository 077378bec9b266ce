/**
 * What each helper reads and changes, as far as a trace must know: which stack bytes to put into memory before the
 * call, and what is no longer known after it. All of it follows from the row of the helper or kfunc; it is traced if
 * nothing that it is given is out of the recorder's sight (functions of the program, timers, kernel pointers). A
 * dynptr is 16 bytes of the stack.
 */
import {
  type ArgClass,
  changesAny,
  type HelperRow,
  helperRows,
  isEnvironment as isOfPacket,
  type KfuncArg,
  type KfuncRow,
  kfuncNames,
  kfuncNumber,
  kfuncRow,
  nfConnAt,
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
  /** Changes memory that the program reaches by pointers: behind dynptrs, structures of the kernel. */
  readonly writesMemory: boolean;
  /**
   * r0 is a pointer to memory of its own, or 0: so many bytes of it are known (none of a ring buffer record). Behind a
   * dynptr it may be a map's: then what lies there tells.
   */
  readonly returnsMemory: number | undefined;
}

/** struct bpf_dynptr. */
const dynptrSize = 16;

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
  dynptr: { read: dynptrSize },
  'dynptr local new': { out: dynptrSize },
  'dynptr ringbuf new': { out: dynptrSize },
  'dynptr ringbuf release': { inout: dynptrSize },
};

/** The same of kernel functions; iterators are followed step by step (record-kfunc.ts). */
const kfuncKinds: Readonly<Record<Exclude<KfuncArg, object>, ArgKind | undefined>> = {
  number: 'any',
  'iterator new': undefined,
  iterator: undefined,
  ctx: 'any',
  dynptr: { read: dynptrSize },
  'dynptr xdp new': { out: dynptrSize },
  'dynptr clone new': { out: dynptrSize },
  'buffer?': 'inout',
  'const size': 'any',
  mem: 'inout',
  'mem size': 'any',
  ignored: 'any',
  'const type': 'any',
  nf_conn: 'any',
  nf_conn___init: 'any',
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
    writesMemory: changesAny(row, 'memory'),
    returnsMemory: row.ret === 'ringbuf_mem?' || row.ret === 'dynptr_mem?' ? 0 : undefined,
  };
}

function kfuncKind(arg: KfuncArg, row: KfuncRow): ArgKind | undefined {
  if (typeof arg === 'object') return { inout: arg.fixed };
  return arg === 'dynptr' && row.adjusts === true ? { inout: dynptrSize } : kfuncKinds[arg];
}

/** A kfunc's effects by its row: what it may change is all that it can reach. */
function kfuncEffects(row: KfuncRow): HelperEffects | undefined {
  const args = row.args.map((arg) => kfuncKind(arg, row));
  const known = args.filter((arg) => arg !== undefined);
  if (known.length < args.length) return undefined;
  const isConnection = row.ret === 'nf_conn?' || row.ret === 'nf_conn___init?';
  return {
    args: known,
    environment: false,
    visible: row.onlyArguments !== true,
    mutatesMap: false,
    writesPacket: row.args.includes('dynptr'),
    returnsElement: false,
    writesMemory: row.onlyArguments !== true,
    returnsMemory: isConnection ? nfConnAt.size : row.ret === 'slice?' ? 0 : undefined,
  };
}

/** By the number of the helper or kfunc; what is missing is not traced. */
export const helperEffects: ReadonlyMap<number, HelperEffects> = new Map(
  [
    ...helperRows.map((row) => [row.number, effectsOf(row)] as const),
    ...kfuncNames.map((name) => [kfuncNumber(name) ?? 0, kfuncEffects(kfuncRow(name) as KfuncRow)] as const),
  ].flatMap(([number, effects]) => (effects === undefined ? [] : [[number, effects] as const])),
);

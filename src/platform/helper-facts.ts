/**
 * Questions about helpers that several parts ask, answered by the table: sets are made once, when this is loaded.
 * Numbers beyond the table (kfuncs, steps of a walk, what a card adds to a number) get the cautious answer.
 */
import { engineSteps, firstKfunc } from './engine-helpers.js';
import type { ArgClass, Change, HelperRow } from './helper-row.js';
import { helperRow, helperRows } from './helper-table.js';
import { kfuncName, kfuncRow } from './kfunc-table.js';
import { type MapTypeName, restrictedMaps } from './map-type.js';

/** Numbers of the helpers whose row is such. */
export function helpersWhere(test: (row: HelperRow) => boolean): ReadonlySet<number> {
  return new Set(helperRows.filter(test).map(({ number }) => number));
}

/** Does a call change any of that? */
export function changesAny(row: HelperRow, ...what: readonly Change[]): boolean {
  return row.changes?.some((change) => what.includes(change)) === true;
}

/** A function of what the packet brings along, the same for each call while it is handled. */
export function isEnvironment({ args, asks }: HelperRow): boolean {
  return args.length === 0 && asks !== undefined && asks !== 'random' && asks !== 'host';
}

/** Which of the packet's ends a call under this number may move, of a helper or a kfunc; undefined: none. */
export function packetMoves(number: number): HelperRow['moves'] {
  if (number < firstKfunc) return helperRow(number)?.moves;
  return kfuncRow(kfuncName(number) ?? '')?.moves;
}

/**
 * What a helper does with the bytes behind an argument. `none`: it is no address, or one of something that programs
 * do not load from. `passed`: it is taken as it is, and may be used for an address later (bpf_probe_read_kernel reads
 * at a number, a callback gets the pointer). `object`: the kernel's own state lies there.
 */
export type ArgAccess = 'none' | 'passed' | 'read' | 'write' | 'object';

/** What happens to the memory behind an argument, by its class. */
const accesses: Readonly<Record<Exclude<ArgClass, object>, ArgAccess>> = {
  any: 'passed',
  ctx: 'none',
  map: 'none',
  key: 'read',
  value: 'read',
  'value out': 'write',
  mem: 'read',
  'mem?': 'read',
  'mem inout': 'write',
  'mem out': 'write',
  'mem out?': 'write',
  size: 'none',
  'size?': 'none',
  'alloc size': 'none',
  'ringbuf mem release': 'object',
  func: 'none',
  'stack?': 'passed',
  spin_lock: 'object',
  timer: 'object',
  socket: 'object',
  sock_common: 'object',
  'sock_common release': 'object',
  const_str: 'read',
  'percpu ptr': 'object',
  'kernel ptr': 'object',
  dynptr: 'object',
  'dynptr local new': 'object',
  'dynptr ringbuf new': 'object',
  'dynptr ringbuf release': 'object',
};

/** What a helper does with the bytes behind an argument of this class. */
export function argAccess(arg: ArgClass): ArgAccess {
  if (typeof arg === 'object') return arg.mode === 'in' ? 'read' : 'write';
  return accesses[arg];
}

/** How many of r1 to r5 helper `number` looks at. What it prints may be in all registers behind its arguments. */
export function registersRead(number: number): number {
  const row = helperRow(number);
  return row === undefined || row.prints === 'registers' ? 5 : row.args.length;
}

/** Helpers whose r0 has 32 bits at most. */
const narrow: ReadonlySet<number> = new Set([
  ...helpersWhere(({ bits }) => bits === 32),
  ...engineSteps.filter(({ bits }) => bits === 32).map(({ number }) => number),
]);

/** How many low bits of r0 can be set after helper `number` or a step of a walk. */
export function resultBits(number: number): 32 | 64 {
  return narrow.has(number) ? 32 : 64;
}

/** Which map types go with which helpers (check_map_func_compatibility in kernel/bpf/verifier.c). */
export function mapFitsHelper(map: MapTypeName, { maps, alsoMaps }: HelperRow): boolean {
  if (maps !== undefined) return maps.includes(map);
  return !restrictedMaps.has(map) || alsoMaps?.includes(map) === true;
}

/**
 * What a helper call does to memory, by the helper's row: which bytes it reads and writes through its
 * arguments, what it may change besides. Sizes are known where the map or the size argument is.
 */
import type { MapSpec } from '../object/index.js';
import {
  type ArgClass,
  argAccess,
  changesAny,
  countStep,
  type HelperRow,
  helperRow,
  nestedHelper,
  resultBits,
} from '../platform/index.js';
import type { FunctionCode } from './function.js';
import { type ArgumentsOf, argumentsOf } from './phis.js';
import { isConst, mask32, mask64, type Value } from './value.js';
import type { World, WorldMap } from './world.js';

/** How an argument is used. */
export type ArgumentUse =
  /** A number, a map, the context: what it points to is left alone. */
  | { readonly kind: 'value' }
  /** `size` bytes at it are read; undefined: not known how many. */
  | { readonly kind: 'read'; readonly size: number | undefined }
  /** `size` bytes at it are read and written. */
  | { readonly kind: 'write'; readonly size: number | undefined }
  /** It goes where it cannot be followed. */
  | { readonly kind: 'escapes' };

/** What a call may do, for those who ask whether what they know still holds after it. */
export interface CallEffects {
  readonly args: readonly ArgumentUse[];
  /** Packet pointers are void afterwards. */
  readonly movesPacket: boolean;
  readonly writesPacket: boolean;
  readonly writesMaps: boolean;
}

/** Bits that r0 can have. */
export function resultOnesOf(id: number): bigint {
  return resultBits(id) === 32 ? mask32 : mask64;
}

/** Does r0 point to memory? */
export function returnsPointer(id: number): boolean {
  if (id === nestedHelper.enter || id === nestedHelper.result) return false;
  return helperRow(id)?.ret !== 'integer';
}

/** The map that a value points to. */
export function mapOf({ maps }: World, value: Value | undefined): WorldMap | undefined {
  return value?.op === 'map' ? maps[Number(value.imm)] : undefined;
}

/** The shape of the map that a value points to: known too for the map that an outer map holds. */
function mapSpecOf(world: World, argsOf: ArgumentsOf, value: Value | undefined): MapSpec | undefined {
  if (value === undefined) return undefined;
  if (value.detail?.kind === 'lookup') return world.maps[value.detail.map]?.spec.inner;
  if (value.op === 'phi') {
    const specs = argsOf(value)
      .filter((arg) => arg !== value)
      .map((arg) => mapOf(world, arg)?.spec);
    return specs.every((spec) => spec === specs[0]) ? specs[0] : undefined;
  }
  return mapOf(world, value)?.spec;
}

/** What calls of a function do. */
export type EffectsOf = (call: Value) => CallEffects;

/** What calls (values of operation `call`) of `code` do. */
export function callEffects(world: World, code: FunctionCode): EffectsOf {
  const argsOf = argumentsOf(code);
  return (call) => effectsOf(world, argsOf, call);
}

/** The effects of one call; of a helper without a row the worst is assumed. */
function effectsOf(world: World, argsOf: ArgumentsOf, call: Value): CallEffects {
  const id = call.detail?.kind === 'call' ? call.detail.helper : 0;
  if (id === countStep) return counting;
  const row = helperRow(id);
  const map = mapSpecOf(world, argsOf, call.args[0]);
  const args = call.args.map((_, i): ArgumentUse => useOf(row, i, call.args, map));
  // What is no helper of the table may do anything: a card's calls carry more than the helper's number.
  if (row === undefined) return { args, movesPacket: true, writesPacket: true, writesMaps: true };
  const movesPacket = row.moves !== undefined;
  return {
    args,
    movesPacket,
    writesPacket: movesPacket || changesAny(row, 'packet', 'program'),
    // An argument that is written to may point into a map.
    writesMaps:
      changesAny(row, 'elements', 'memory', 'records', 'lock', 'program') || args.some(({ kind }) => kind === 'write'),
  };
}

/** What happens to the memory behind one argument. */
function useOf(
  row: HelperRow | undefined,
  index: number,
  args: readonly Value[],
  map: MapSpec | undefined,
): ArgumentUse {
  const arg = row?.args[index];
  // What is printed may point to memory that is shown.
  if (arg === undefined) return row?.prints === 'registers' ? anyRead : escapes;
  const access = argAccess(arg);
  switch (access) {
    case 'none':
      return { kind: 'value' };
    case 'read':
    case 'write':
      return { kind: access, size: sizeOf(arg, row?.args[index + 1], args[index + 1], map) };
    case 'passed':
    case 'object':
      return escapes;
  }
}

/** Bytes at an argument that is read or written. */
function sizeOf(
  arg: ArgClass,
  next: ArgClass | undefined,
  count: Value | undefined,
  map: MapSpec | undefined,
): number | undefined {
  if (typeof arg === 'object') return arg.fixed;
  if (arg === 'key') return map?.keySize;
  if (arg === 'value' || arg === 'value out') return map?.valueSize;
  const counts = next === 'size' || next === 'size?';
  return counts && count !== undefined && isConst(count) ? Number(count.imm & mask32) : undefined;
}

/** Counters are no memory of the program's. */
const counting: CallEffects = { args: [{ kind: 'value' }], movesPacket: false, writesPacket: false, writesMaps: false };

const escapes: ArgumentUse = { kind: 'escapes' };
const anyRead: ArgumentUse = { kind: 'read', size: undefined };

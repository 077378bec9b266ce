/**
 * Where things are: the one place at which the IR, which names maps, data and code by index, gets the addresses of a
 * machine. The machine's world is what it is translated against, and emitters ask here for whatever a leaf or an
 * element of an array is.
 */
import { InternalError } from '../base/index.js';
import {
  cellOf,
  depthOf,
  isConst,
  isDirectMap,
  isStatic,
  mask32,
  type Program,
  stackAddress,
  type Value,
  type World,
} from '../ir/index.js';
import type { Location } from '../object/index.js';
import {
  type BpfMap,
  cellAddress,
  type GuestAddress,
  type GuestPointer,
  type Machine,
  type MapLayout,
  type Region,
} from '../vm/index.js';

/**
 * The world that the machine's programs live in. Data counts as constant if it is now: code that is kept says what it
 * relied on (kept-module.ts).
 */
export function worldOfMachine({ maps, memory, programs }: Machine): World {
  return {
    maps: maps.map((map) => {
      const { index, spec } = map;
      const isDirect = isDirectMap(spec);
      const at = map.directValue();
      const constant = map.isConstant && at !== 0 ? memory.u8.slice(at, at + spec.valueSize) : undefined;
      return { index, spec, isDirect, constant };
    }),
    programs,
  };
}

/** Guest address that a leaf of the program stands for. */
export function addressOf(machine: Machine, program: Program, leaf: Value): GuestAddress {
  return placeOf(machine, program, leaf) as GuestAddress;
}

function placeOf(machine: Machine, program: Program, leaf: Value): number {
  const index = Number(leaf.imm);
  switch (leaf.op) {
    case 'frame':
      return machine.lane.frames[index]?.hi ?? 0;
    case 'context':
      return machine.lane.ctx.start;
    case 'map':
      return machine.maps[index]?.handle ?? 0;
    case 'data':
      return machine.maps[index]?.directValue() ?? 0;
    case 'code':
      return (machine.programs[program.index]?.code ?? 0) + 8 * index;
    case 'cell': {
      const cell = cellOf(leaf);
      return cell === undefined ? 0 : locate(machine, { ...cell, offset: 0 });
    }
    default:
      throw new InternalError('place', `${leaf.op} is no place`);
  }
}

/** Guest address of bytes of a map. */
export function locate({ maps }: Machine, at: Location): GuestAddress {
  const map = maps[at.map];
  const address = map === undefined ? undefined : cellAddress(map, at);
  if (address === undefined) throw new InternalError('place', `map ${at.map} has no ${at.part} ${at.element}`);
  return (address + at.offset) as GuestAddress;
}

/** What a map's bytes hold now. */
export function bytesAt(machine: Machine, at: Location, size: number): Uint8Array {
  return machine.memory.read(locate(machine, at), size);
}

/** The same as a little-endian number of 1, 2, 4 or 8 bytes; undefined where a program may not read. */
export function peekAt(machine: Machine, at: Location, size: number): bigint | undefined {
  return machine.memory.peek(BigInt(locate(machine, at)), size);
}

/** The region that a location lies in. */
export function regionAt(machine: Machine, at: Location): Region | undefined {
  return machine.memory.regionOf(locate(machine, at));
}

/** Guest address of a byte of the stack (ir/stack-address.ts). */
export function locateStack({ lane }: Machine, at: number): GuestAddress {
  const depth = depthOf(at);
  return ((lane.frames[depth]?.hi ?? 0) + at - stackAddress(depth, 0)) as GuestAddress;
}

/**
 * What a register holds that has a static value of a trace, undefined for others: each is of the program that it was
 * born in.
 */
export function staticIn(machine: Machine, value: Value): bigint | undefined {
  if (!isStatic(value)) return undefined;
  const program = machine.programs[value.origin.program];
  return program === undefined ? undefined : fixedAddress(machine, program, value);
}

/** Where the elements of an array lie: element i of CPU c at `base + (i * cpus + c) * stride`. */
export function arrayOf(machine: Machine, element: Value): MapLayout & { readonly kind: 'array' } {
  const layout = machine.maps[Number(element.imm)]?.layout();
  if (layout?.kind !== 'array') throw new InternalError('place', `map ${element.imm} is no array`);
  return layout;
}

/**
 * The number that a value is, where that is known when code is made: a constant, a place, an element by a constant
 * index, a sum of a place and a constant.
 */
export function fixedAddress(machine: Machine, program: Program, base: Value): GuestPointer | undefined {
  return fixedIn(machine, program, base) as GuestPointer | undefined;
}

function fixedIn(machine: Machine, program: Program, base: Value): bigint | undefined {
  const [index, offset] = base.args;
  switch (base.op) {
    case 'const':
      return base.imm;
    case 'element': {
      if (index === undefined || !isConst(index)) return undefined;
      const { base: at, stride, cpus } = arrayOf(machine, base);
      return cpus === 1 ? BigInt(at) + (index.imm & mask32) * BigInt(stride) : undefined;
    }
    case 'add': {
      if (index === undefined || offset?.op !== 'const' || !isStatic(base)) return undefined;
      const start = fixedAddress(machine, program, index);
      return start === undefined ? undefined : BigInt.asUintN(64, start + offset.imm);
    }
    case 'frame':
    case 'context':
    case 'map':
    case 'data':
    case 'code':
    case 'cell':
      return BigInt(addressOf(machine, program, base));
    default:
      return undefined;
  }
}

/** The map that a value points to, if that is known when code is made. */
export function mapAt({ maps }: Machine, value: Value | undefined): BpfMap | undefined {
  return value?.op === 'map' ? maps[Number(value.imm)] : undefined;
}

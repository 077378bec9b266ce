/** Objects and helper calls for tests, made by hand. */
import type { Insn } from '../isa/index.js';
import {
  type MapSpec,
  mapSpec as makeMap,
  objectSpec as makeObject,
  programSpec as makeProgram,
  type ObjectSpec,
  type ProgramSpec,
} from '../object/index.js';
import type { MapTypeName } from '../platform/index.js';
import { Registers } from './engine.js';
import type { Machine } from './machine.js';

/** A program called `prog`. */
export function programSpec(insns: readonly Insn[], more: Partial<ProgramSpec> = {}): ProgramSpec {
  return makeProgram(insns, { name: 'prog', ...more });
}

/** A map with keys and values of four bytes and four elements, where `more` says nothing else. */
export function mapSpec(name: string, type: MapTypeName, more: Partial<MapSpec> = {}): MapSpec {
  return makeMap({ name, type, keySize: 4, valueSize: 4, maxEntries: 4, ...more });
}

/** An object called `test.o`. */
export function objectSpec(programs: readonly ProgramSpec[], maps: readonly MapSpec[] = []): ObjectSpec {
  return makeObject('test.o', programs, maps);
}

/** Calls helper `id` with r1 to r5 and returns r0 as a signed number. `calls` answers callbacks: (r1, r2) -> r0. */
export function callHelper(
  machine: Machine,
  id: number,
  args: readonly (number | bigint)[],
  calls: (r1: bigint, r2: bigint) => bigint = () => 0n,
): bigint {
  const registers = new Registers();
  for (const [i, value] of args.entries()) registers.u64[i + 1] = BigInt.asUintN(64, BigInt(value));
  machine.callHelper(id, registers, {
    call: () => {
      registers.u64[0] = calls(registers.u64[1] ?? 0n, registers.u64[2] ?? 0n);
    },
  });
  return registers.s64[0] ?? 0n;
}

/** A writable buffer that a program could point at; returns its guest address. */
export function buffer(machine: Machine, bytes: Uint8Array | number): number {
  const size = typeof bytes === 'number' ? bytes : bytes.length;
  const region = machine.memory.allocate('scratch', 'buffer', size);
  if (typeof bytes !== 'number') machine.memory.write(region.start, bytes);
  return region.start;
}

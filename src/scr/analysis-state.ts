/** Which maps of an object are a program's state, and which it merely counts in. */
import { type MapUses, mapUses, noAdditions } from '../code/index.js';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../object/index.js';

/** What a map is to a program. */
export type MapRole =
  /** Written by the program, and what it holds matters later: each core has its own copy. */
  | 'state'
  /**
   * Only ever added to, and the program does not read it: each core adds what its own packets ask for, atomically in
   * the one map or, in a per-CPU map, in its CPU's part, and the sum is that of the sequential run.
   */
  | 'counter'
  /** Read and not written: all cores share it. */
  | 'input'
  /** Where the program sends something, or jumps to: not read back. */
  | 'output';

/** A map and what it is to the program. */
export interface StateMap {
  /** Position in `ObjectSpec.maps`. */
  readonly index: number;
  readonly spec: MapSpec;
  readonly role: MapRole;
  /** Other programs of the object that write it, too. */
  readonly otherWriters: readonly string[];
}

const outputs: ReadonlySet<string> = new Set(['ringbuf', 'user_ringbuf', 'perf_event_array', 'stack_trace']);

/** The maps that the program names, in the object's order. */
export function stateMaps(object: ObjectSpec, program: ProgramSpec): readonly StateMap[] {
  const uses = mapUses(program, object.maps);
  const atomic = mapUses(program, object.maps, noAdditions);
  const others = object.programs
    .filter((other) => other !== program && other.type === program.type)
    .map((other) => ({ name: other.name, written: mapUses(other, object.maps).written }));
  return object.maps.flatMap((spec, index): readonly StateMap[] => {
    const bit = 1n << BigInt(index);
    const isWritten = (uses.written & bit) !== 0n;
    const named = isWritten || (uses.read & bit) !== 0n || names(program, index);
    if (!named) return [];
    const otherWriters = others.filter(({ written }) => (written & bit) !== 0n).map(({ name }) => name);
    return [{ index, spec, role: roleOf(spec, bit, spec.type.startsWith('percpu_') ? uses : atomic), otherWriters }];
  });
}

function roleOf(spec: MapSpec, bit: bigint, uses: MapUses): MapRole {
  if (outputs.has(spec.type)) return 'output';
  if ((uses.written & bit) === 0n) return 'input';
  const isOnlyAdded = (uses.stored & bit) === 0n && (uses.read & bit) === 0n;
  return isOnlyAdded ? 'counter' : 'state';
}

/** Does an instruction load the map's address? */
function names({ insns }: ProgramSpec, index: number): boolean {
  return insns.some(({ code, src, imm }) => code === 0x18 && (src === 1 || src === 2) && imm === index);
}

/**
 * Makes a program's outcome a function of its packet and its maps, so that two machines can be compared to the last
 * byte. Time and random numbers are inputs that the kernel does not let us set; therefore every call of such a helper
 * becomes a load from a hidden map that both sides fill with the same number before each packet.
 */

import { isHelperCall, rewriteProgram } from '../code/index.js';
import { type Insn, op } from '../isa/index.js';
import { mapSpec, type ObjectSpec, type ProgramSpec } from '../object/index.js';
import { helpersWhere, isEnvironment } from '../platform/index.js';

const clocks = helpersWhere((row) => row.asks === 'clock' && isEnvironment(row));
const generators = helpersWhere(({ asks }) => asks === 'random');

/** Helper number -> byte offset in the hidden map's value: 8 bytes for each, clocks first. */
const inputs: ReadonlyMap<number, number> = new Map([...clocks, ...generators].map((number, i) => [number, 8 * i]));

const valueSize = 8 * inputs.size;
/** From here on there are random numbers; before, times. */
const randomAt = 8 * clocks.size;

/** The object in its new form. */
export interface Hermetic {
  readonly object: ObjectSpec;
  /** Index of the hidden map; undefined when no program asks for time or randomness. */
  readonly inputMap: number | undefined;
}

/** Rewrites all programs of an object; one that asks for nothing stays as it is. */
export function makeHermetic(object: ObjectSpec): Hermetic {
  const inputMap = object.maps.length;
  let used = false;
  const programs = object.programs.map((program): ProgramSpec => {
    const edits = new Map<number, readonly Insn[]>();
    for (const [pc, insn] of program.insns.entries()) {
      if (!isHelperCall(insn) || program.insns[pc - 1]?.code === op.LDDW) continue;
      const at = inputs.get(insn.imm);
      if (at !== undefined) edits.set(pc, loadInput(inputMap, at));
    }
    if (edits.size === 0) return program;
    used = true;
    return rewriteProgram(program, edits) ?? program;
  });
  if (!used) return { object, inputMap: undefined };
  const hidden = mapSpec({ name: 'jitnic_inputs', type: 'array', keySize: 4, valueSize, maxEntries: 1 });
  return { object: { ...object, programs, maps: [...object.maps, hidden] }, inputMap };
}

/**
 * Whether a program's outcome is a function of packet and maps as it stands: it asks for neither time nor random
 * numbers.
 */
export function isHermetic(program: ProgramSpec): boolean {
  return !program.insns.some((insn) => isHelperCall(insn) && inputs.has(insn.imm));
}

/** The hidden map's value: `now` in nanoseconds in every clock's place, and a random number in every generator's. */
export function inputValue(now: bigint, random: number): Uint8Array {
  const value = new Uint8Array(valueSize);
  const view = new DataView(value.buffer);
  for (let at = 0; at < randomAt; at += 8) view.setBigUint64(at, now, true);
  for (let at = randomAt; at < valueSize; at += 8) view.setUint32(at, random, true);
  return value;
}

/** In place of a call: r0 from the hidden map. Time has 64 bits, random numbers 32. */
function loadInput(map: number, at: number): Insn[] {
  const size = at >= randomAt ? op.SIZE_W : op.SIZE_DW;
  return [
    { code: op.LDDW, dst: 0, src: op.PSEUDO_MAP_VALUE, off: 0, imm: map },
    { code: 0, dst: 0, src: 0, off: 0, imm: at },
    { code: op.LDX | op.MODE_MEM | size, dst: 0, src: 0, off: 0, imm: 0 },
  ];
}

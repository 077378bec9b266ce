/**
 * What a program of the IR refers to: maps, data that no one can change, other programs. All of it is values and goes
 * by index; where any of it lies in some memory is nobody's business here. So the IR of an object file can be made
 * without a machine (for another object file, a card, Verilog), and addresses appear when code is made for a machine
 * (jit/place.ts).
 *
 * In code they are leaves: `map(i)` is what a program holds as a pointer to map `i`, `data(i)` the address of the
 * first byte of its only value, `code(slot)` that of an instruction; and `element(i, index)` is the address of an
 * element of an array, on the CPU that runs the program.
 */
import { type Insn, isLddw, op } from '../isa/index.js';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../object/index.js';
import { mapFlags } from '../platform/index.js';

/** A program of an object. */
export interface Program {
  /** Position in {@link World.programs}; slots of a PROG_ARRAY hold it, plus one. */
  readonly index: number;
  readonly spec: ProgramSpec;
}

/** A map as code sees it: its shape, and its content if that cannot change. */
export interface WorldMap {
  /** Position in {@link World.maps}. */
  readonly index: number;
  readonly spec: MapSpec;
  /** Programs can name its value without a look-up: an array of one element. */
  readonly isDirect: boolean;
  /**
   * Content of the value where neither programs nor user space can change it (`.rodata`, frozen); undefined: it can be
   * changed.
   */
  readonly constant: Uint8Array | undefined;
}

/** All that a program of an object may refer to, by index. Immutable, and of no machine. */
export interface World {
  /** Maps of the object by index in `ObjectSpec.maps`; inner maps that the object does not name come after. */
  readonly maps: readonly WorldMap[];
  readonly programs: readonly Program[];
}

/**
 * The world of an object as it was read: read-only sections are taken to be frozen, as libbpf freezes them when it
 * loads.
 */
export function worldOf(object: ObjectSpec): World {
  const maps = object.maps.map((spec, index): WorldMap => {
    const isFrozen = spec.init?.kind === 'data' && (spec.flags & mapFlags.rdonlyProg) !== 0;
    const constant = isFrozen && spec.init?.kind === 'data' ? spec.init.bytes : undefined;
    return { index, spec, isDirect: isDirectMap(spec), constant };
  });
  return { maps, programs: object.programs.map((spec, index) => ({ index, spec })) };
}

/** Can programs name the map's value by PSEUDO_MAP_VALUE? */
export function isDirectMap({ type, maxEntries }: MapSpec): boolean {
  return type === 'array' && maxEntries === 1;
}

/** What an `lddw` refers to. */
export type Reference =
  | { readonly kind: 'map'; readonly map: number }
  | { readonly kind: 'data'; readonly map: number; readonly offset: number }
  | { readonly kind: 'code'; readonly slot: number }
  /** A weak symbol that the kernel does not have. */
  | { readonly kind: 'null' };

/**
 * Undefined: the instruction at `pc` is no `lddw` of a reference, or refers to nothing that is there (see the table in
 * object/spec.ts); a program that could reach such an instruction is not loaded.
 */
export function referenceAt({ maps }: World, insns: readonly Insn[], pc: number): Reference | undefined {
  const insn = insns[pc];
  const second = insns[pc + 1];
  if (insn === undefined || second === undefined || !isLddw(insn)) return undefined;
  switch (insn.src) {
    case op.PSEUDO_MAP_FD:
      return maps[insn.imm] === undefined ? undefined : { kind: 'map', map: insn.imm };
    case op.PSEUDO_MAP_VALUE:
      return maps[insn.imm]?.isDirect === true ? { kind: 'data', map: insn.imm, offset: second.imm } : undefined;
    case op.PSEUDO_FUNC:
      return { kind: 'code', slot: pc + 1 + insn.imm };
    case op.PSEUDO_BTF_ID:
      return { kind: 'null' };
    default:
      return undefined;
  }
}

/** The instructions with plain constants for references: what says whether their encoding is right looks at them. */
export function withoutReferences(world: World, insns: readonly Insn[]): readonly Insn[] {
  let plain: Insn[] | undefined;
  for (let pc = 0; pc < insns.length; pc++) {
    if (referenceAt(world, insns, pc) === undefined) continue;
    plain ??= insns.slice();
    plain[pc] = { ...(insns[pc] as Insn), src: 0, imm: 0 };
    plain[pc + 1] = { ...(insns[pc + 1] as Insn), imm: 0 };
  }
  return plain ?? insns;
}

/**
 * The `size` bytes (1 to 8) at `offset` of a map's value as a little-endian number, if they are data that no one can
 * change.
 */
export function constantData({ maps }: World, map: number, offset: number, size: number): bigint | undefined {
  const bytes = maps[map]?.constant;
  if (bytes === undefined || offset < 0 || offset + size > bytes.length) return undefined;
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[offset + i] ?? 0);
  return value;
}

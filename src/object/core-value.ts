/**
 * The number that a CO-RE relocation asks for, given what it refers to on one side (libbpf: bpf_core_calc_relo). A
 * bitfield is read by loading the integer around it and shifting: `byte_off` and `byte_sz` say which bytes to load,
 * `lshift_u64` and `rshift_u64` how to cut the field out of the 64-bit register.
 */
import type { Btf } from './btf.js';
import { isComposite, isEnum } from './btf-type.js';
import { aboutEnum, aboutType, type CoreKind, type CoreSpec } from './core-spec.js';

/** What the instruction is to hold, and what has to be known to put it there. */
export interface CoreValue {
  readonly value: bigint;
  /** Size and type of the field that a load or store touches; size 0 where it is not one. */
  readonly size: number;
  readonly type: number;
  /** Whether the instruction must already hold the program's own value. */
  readonly exact: boolean;
}

/** `absent`: the instruction cannot be made right (it is poisoned). A string: the object is at fault. */
export type CoreOutcome = CoreValue | 'absent' | { readonly problem: string };

/** A number that is no place in memory. `exact`: the compiler's instruction must hold the local one. */
function plain(value: number | bigint, exact = true): CoreValue {
  return { value: BigInt(value), size: 0, type: 0, exact };
}

/** `spec` is undefined where the target has no such thing. */
export function coreValue(kind: CoreKind, spec: CoreSpec | undefined): CoreOutcome {
  if (aboutType(kind)) return typeValue(kind, spec);
  if (kind === 'enumval_exists' || kind === 'field_exists') return plain(spec === undefined ? 0 : 1);
  if (spec === undefined) return 'absent';
  return aboutEnum(kind) ? enumeratorValue(spec) : fieldValue(kind, spec);
}

/** Questions about a whole type: its id, its size, whether it is there. */
function typeValue(kind: CoreKind, spec: CoreSpec | undefined): CoreOutcome {
  if (spec === undefined) return plain(0);
  switch (kind) {
    case 'target_type_id':
    case 'local_type_id':
      return plain(spec.root, false);
    case 'type_size': {
      const size = spec.btf.sizeOf(spec.root);
      return size === undefined ? { problem: 'the type has no size' } : plain(size);
    }
    default:
      return plain(1);
  }
}

/** The value of an enumerator, as 64 bits. */
function enumeratorValue(spec: CoreSpec): CoreOutcome {
  const step = spec.path[0];
  const type = step === undefined ? undefined : spec.btf.type(step.type);
  const value = type !== undefined && isEnum(type) ? type.values[step?.index ?? 0]?.value : undefined;
  return value === undefined ? { problem: 'there is no such enumerator' } : plain(BigInt.asUintN(64, value));
}

/** Questions about a field: offset, size, signedness, and how to cut a bitfield out. */
function fieldValue(kind: CoreKind, spec: CoreSpec): CoreOutcome {
  const { btf } = spec;
  const last = spec.path.at(-1);
  if (last === undefined) return { problem: 'the access names nothing' };
  const home = btf.type(last.type);
  const member = last.name !== '' && isComposite(home) ? home.members[last.index] : undefined;
  if (member === undefined) return elementValue(kind, spec, btf, last.type);

  const type = btf.resolve(member.type);
  const typeSize = btf.sizeOf(type.id);
  if (typeSize === undefined || typeSize > 0x1fffffff) return { problem: `field \`${member.name}\` has no size` };
  const bitfield = member.bitSize > 0;
  const bits = bitfield ? member.bitSize : typeSize * 8;
  const bitOffset = spec.bitOffset;
  let size = typeSize;
  let offset = Math.floor(bitOffset / 8);
  if (bitfield) {
    if (size === 0) return { problem: `bitfield \`${member.name}\` lies in a type without size` };
    // The smallest aligned integer that holds the whole bitfield.
    offset = Math.floor(offset / size) * size;
    while (bitOffset + bits - offset * 8 > size * 8) {
      if (size >= 8) return { problem: `bitfield \`${member.name}\` does not fit in a 64-bit load` };
      size *= 2;
      offset = Math.floor(bitOffset / 8 / size) * size;
    }
  }
  switch (kind) {
    case 'byte_off':
      return { value: BigInt(offset), size: bitfield ? 0 : size, type: bitfield ? 0 : type.id, exact: !bitfield };
    case 'byte_sz':
      return plain(size, !bitfield);
    case 'signed':
      return plain((isEnum(type) || type.kind === 'int') && type.signed ? 1 : 0);
    case 'lshift_u64':
      return plain(BigInt.asUintN(64, BigInt(64 - (bitOffset + bits - offset * 8))), !bitfield);
    case 'rshift_u64':
      return plain(BigInt.asUintN(64, BigInt(64 - bits)));
    default:
      return { problem: `relocation ${kind} of a field` };
  }
}

/** The same of an array's element, which has no bitfields. */
function elementValue(kind: CoreKind, spec: CoreSpec, btf: Btf, type: number): CoreOutcome {
  const size = btf.sizeOf(type);
  if (size === undefined) return { problem: 'the element has no size' };
  if (kind === 'byte_off') return { value: BigInt(Math.floor(spec.bitOffset / 8)), size, type, exact: true };
  if (kind === 'byte_sz') return plain(size);
  return { problem: `relocation ${kind} of an array element` };
}

/**
 * The kinds of BTF types (Documentation/bpf/btf.rst, include/uapi/linux/btf.h) as a discriminated union. A reference
 * to another type is its id; id 0 is `void`. Offsets and sizes of bitfields are in bits, everything else is in bytes.
 */

/** By number (BTF_KIND_*), in order. */
export const btfKindNames = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
] as const;

/** Kinds of types, as BTF_KIND_* without the prefix. */
export type BtfKind = (typeof btfKindNames)[number];

/** What all types have. */
export interface Named {
  readonly id: number;
  /** Empty for anonymous types. */
  readonly name: string;
}

/** `void`. */
export interface BtfVoid extends Named {
  readonly kind: 'void';
}

/** An integer, a `char` or a `bool`; sizes in bytes, `bits` and `bitOffset` in bits. */
export interface BtfInt extends Named {
  readonly kind: 'int';
  readonly size: number;
  readonly bits: number;
  readonly bitOffset: number;
  readonly signed: boolean;
  /**
   * Printed as a character: flagged so, which compilers hardly do, or called `char`. It says nothing about the size.
   */
  readonly char: boolean;
  /** `_Bool`: one byte that is 0 or 1. */
  readonly bool: boolean;
}

/** A floating-point number of `size` bytes. */
export interface BtfFloat extends Named {
  readonly kind: 'float';
  /** Bytes: 2, 4, 8, 12 or 16. */
  readonly size: number;
}

/** Types that are another type with something added. */
export interface BtfReference extends Named {
  readonly kind: 'ptr' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag';
  readonly type: number;
}

/** An array; `length` in elements. */
export interface BtfArray extends Named {
  readonly kind: 'array';
  /** Id of the element's type. */
  readonly type: number;
  /** Id of an integer type; nothing depends on it. */
  readonly indexType: number;
  /** Number of elements. */
  readonly length: number;
}

/** A member; `bitOffset` and `bitSize` in bits. */
export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** From the start of the struct, in bits; of a union 0. */
  readonly bitOffset: number;
  /** 0 unless it is a bitfield. */
  readonly bitSize: number;
}

/** A struct or union; size in bytes. */
export interface BtfComposite extends Named {
  readonly kind: 'struct' | 'union';
  /** Bytes, padding at the end included. */
  readonly size: number;
  readonly members: readonly BtfMember[];
}

/** An enumeration of 4 or 8 bytes. */
export interface BtfEnum extends Named {
  readonly kind: 'enum' | 'enum64';
  readonly size: number;
  /** Whether values are to be read as signed; BTF's kind_flag. */
  readonly signed: boolean;
  readonly values: readonly { readonly name: string; readonly value: bigint }[];
}

/** A struct or union that is declared and not defined. */
export interface BtfForward extends Named {
  readonly kind: 'fwd';
  /** False for a struct. */
  readonly union: boolean;
}

/** Linkage of FUNC and VAR: BTF_FUNC_STATIC and so on. */
export type BtfLinkage = 'static' | 'global' | 'extern';

/** A function: its prototype is `type`. */
export interface BtfFunc extends Named {
  readonly kind: 'func';
  /** Id of its {@link BtfFuncProto}. */
  readonly type: number;
  readonly linkage: BtfLinkage;
}

/** What a function takes and returns. */
export interface BtfFuncProto extends Named {
  readonly kind: 'func_proto';
  /** Id; 0 for `void`. */
  readonly returnType: number;
  /** A last parameter without name and type stands for `...`. */
  readonly params: readonly { readonly name: string; readonly type: number }[];
}

/** A variable of a data section. */
export interface BtfVar extends Named {
  readonly kind: 'var';
  readonly type: number;
  readonly linkage: BtfLinkage;
}

/** A data section and the variables in it; offsets and sizes in bytes. */
export interface BtfDatasec extends Named {
  readonly kind: 'datasec';
  readonly size: number;
  readonly vars: readonly { readonly type: number; readonly offset: number; readonly size: number }[];
}

/** A tag on a declaration. */
export interface BtfDeclTag extends Named {
  readonly kind: 'decl_tag';
  readonly type: number;
  /** Index of the member or parameter that is tagged; -1 for the type itself. */
  readonly component: number;
}

/** Any type. */
export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfFloat
  | BtfReference
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfForward
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfDeclTag;

/** A struct or union, which has members. */
export function isComposite(type: BtfType): type is BtfComposite {
  return type.kind === 'struct' || type.kind === 'union';
}

/** An enumeration of either width. */
export function isEnum(type: BtfType): type is BtfEnum {
  return type.kind === 'enum' || type.kind === 'enum64';
}

/** `const`, `volatile`, `restrict`, a type tag or a typedef: same layout as what it refers to. */
export function isTransparent(type: BtfType): type is BtfReference {
  switch (type.kind) {
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return true;
    default:
      return false;
  }
}

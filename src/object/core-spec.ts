/**
 * What a CO-RE relocation refers to. The compiler records an access as a path of numbers through the program's own
 * types, `0:1:2` for `(&x[0])->b.c`; the same field is then looked for by *name* in the target's type, where it may
 * lie elsewhere (libbpf: bpf_core_parse_spec, bpf_core_spec_match).
 *
 * Results are the wanted thing or a string that says why there is none.
 */
import { type Btf, essentialName } from './btf.js';
import { type BtfArray, isComposite, isEnum } from './btf-type.js';
import { type Effort, fieldsCompatible, typesCompatible, typesMatch } from './core-match.js';

/** By number (enum bpf_core_relo_kind, include/uapi/linux/bpf.h), in order; names as libbpf prints them. */
export const coreKinds = [
  'byte_off',
  'byte_sz',
  'field_exists',
  'signed',
  'lshift_u64',
  'rshift_u64',
  'local_type_id',
  'target_type_id',
  'type_exists',
  'type_size',
  'enumval_exists',
  'enumval_value',
  'type_matches',
] as const;

/** What a CO-RE relocation asks of the kernel's types. */
export type CoreKind = (typeof coreKinds)[number];

/** Kinds whose path names an enumerator instead of members. */
export function aboutEnum(kind: CoreKind): boolean {
  return kind === 'enumval_exists' || kind === 'enumval_value';
}

/** Kinds that ask about a type as a whole; their path is `0`. */
export function aboutType(kind: CoreKind): boolean {
  return kind === 'local_type_id' || kind === 'target_type_id' || kind.startsWith('type_');
}

/** Longest path (libbpf: BPF_CORE_SPEC_MAX_LEN). */
const maxPath = 64;

/** One step of a path: a named member, an array element, or (in first place) an enumerator. */
export interface Accessor {
  /** The struct, union or enum that has the member; for an element, the element's type. */
  readonly type: number;
  readonly index: number;
  /** Empty for array elements. */
  readonly name: string;
}

/** A path through one side's types, the program's own or the target's, with what it adds up to. */
export interface CoreSpec {
  readonly btf: Btf;
  /** The type that the path begins at. */
  readonly root: number;
  /** Anonymous structs on the way are left out: only what the source names. */
  readonly path: readonly Accessor[];
  /** Of the last member from the start of the root, array index included. */
  readonly bitOffset: number;
}

/** Reads a relocation's path through the program's own types. */
export function parseSpec(btf: Btf, kind: CoreKind, root: number, access: string): CoreSpec | string {
  if (aboutType(kind)) {
    return access === '0' ? { btf, root, path: [], bitOffset: 0 } : `access \`${access}\` of a whole type`;
  }
  if (!/^\d{1,9}(?::\d{1,9})*$/.test(access)) return `access \`${access}\` is no list of numbers`;
  const indices = access.split(':').map(Number);
  if (indices.length > maxPath) return `an access of more than ${maxPath} steps`;
  const first = indices[0] ?? 0;
  const type = btf.resolve(root);
  if (aboutEnum(kind)) {
    const value = isEnum(type) ? type.values[first] : undefined;
    if (value === undefined || indices.length > 1) return `enumerator ${access} of a type that has none`;
    return { btf, root, path: [{ type: type.id, index: first, name: value.name }], bitOffset: 0 };
  }
  const size = btf.sizeOf(type.id);
  if (size === undefined) return 'the type has no size';
  const path: Accessor[] = [{ type: type.id, index: first, name: '' }];
  let bitOffset = first * size * 8;
  let id = type.id;
  for (const index of indices.slice(1)) {
    const here = btf.resolve(id);
    if (isComposite(here)) {
      const member = here.members[index];
      if (member === undefined) return `member ${index} of a type with ${here.members.length}`;
      bitOffset += member.bitOffset;
      if (member.name !== '') path.push({ type: here.id, index, name: member.name });
      id = member.type;
    } else if (here.kind === 'array') {
      if (index >= here.length && !isFlexible(btf, path.at(-1), here)) return `element ${index} of ${here.length}`;
      id = btf.resolve(here.type).id;
      path.push({ type: id, index, name: '' });
      bitOffset += index * (btf.sizeOf(id) ?? 0) * 8;
    } else {
      return `a step into a type of kind ${here.kind}`;
    }
  }
  return { btf, root, path, bitOffset };
}

/** An array without length that ends its struct has as many elements as one likes. */
function isFlexible(btf: Btf, before: Accessor | undefined, array: BtfArray): boolean {
  if (before === undefined || before.name === '' || array.length > 0) return false;
  const home = btf.type(before.type);
  return isComposite(home) && before.index === home.members.length - 1;
}

/** The same thing in a candidate type of the target; undefined when the candidate has no such thing. */
export function matchSpec(
  local: CoreSpec,
  kind: CoreKind,
  target: Btf,
  root: number,
  effort: Effort,
): CoreSpec | undefined {
  effort.step();
  if (aboutType(kind)) {
    const same =
      kind === 'type_matches'
        ? typesMatch(local.btf, local.root, target, root, effort)
        : typesCompatible(local.btf, local.root, target, root, effort);
    return same ? { btf: target, root, path: [], bitOffset: 0 } : undefined;
  }
  if (aboutEnum(kind)) return matchEnumerator(local, target, root);

  const path: Accessor[] = [];
  let bitOffset = 0;
  let id = root;
  for (const [i, step] of local.path.entries()) {
    if (step.name !== '') {
      const found = findMember(local.btf, step, target, id, effort, 0);
      if (found === undefined) return undefined;
      path.push(found.accessor);
      bitOffset += found.bitOffset;
      id = found.type;
      continue;
    }
    id = target.resolve(id).id;
    // The first index counts whole objects of the root type; later ones step into arrays.
    if (i > 0) {
      const array = target.resolve(id);
      if (array.kind !== 'array') return undefined;
      if (step.index >= array.length && !isFlexible(target, path.at(-1), array)) return undefined;
      id = target.resolve(array.type).id;
    }
    const size = target.sizeOf(id);
    if (size === undefined) return undefined;
    path.push({ type: id, index: step.index, name: '' });
    bitOffset += step.index * size * 8;
  }
  return { btf: target, root, path, bitOffset };
}

function matchEnumerator(local: CoreSpec, target: Btf, root: number): CoreSpec | undefined {
  const type = target.resolve(root);
  const wanted = local.path[0]?.name ?? '';
  if (!isEnum(type)) return undefined;
  const index = type.values.findIndex((value) => essentialName(value.name) === essentialName(wanted));
  const found = type.values[index];
  if (found === undefined) return undefined;
  return { btf: target, root, path: [{ type: type.id, index, name: found.name }], bitOffset: 0 };
}

/**
 * A member of the target's type, with its offset from the type that was searched; it may lie in an anonymous member.
 */
interface FoundMember {
  readonly accessor: Accessor;
  readonly bitOffset: number;
  readonly type: number;
}

/** Looks for the member by name, through anonymous structs and unions. The first one of that name decides. */
function findMember(
  local: Btf,
  step: Accessor,
  target: Btf,
  targetId: number,
  effort: Effort,
  depth: number,
): FoundMember | undefined {
  const type = target.resolve(targetId);
  const home = local.type(step.type);
  if (!isComposite(type) || !isComposite(home) || depth > maxPath) return undefined;
  for (const [index, member] of type.members.entries()) {
    effort.step();
    if (member.name === '') {
      const found = findMember(local, step, target, member.type, effort, depth + 1);
      if (found !== undefined) return { ...found, bitOffset: found.bitOffset + member.bitOffset };
    } else if (member.name === step.name) {
      const localType = home.members[step.index]?.type ?? 0;
      if (!fieldsCompatible(local, localType, target, member.type)) return undefined;
      return { accessor: { type: type.id, index, name: member.name }, bitOffset: member.bitOffset, type: member.type };
    }
  }
  return undefined;
}

/** `struct sk_buff.len` or `enum bpf_map_type::BPF_MAP_TYPE_HASH`, for messages. */
export function formatSpec(spec: CoreSpec): string {
  const type = spec.btf.type(spec.root);
  const name = `${type.kind} ${type.name === '' ? '(anonymous)' : type.name}`;
  let text = type.kind === 'typedef' ? type.name : name;
  for (const [i, step] of spec.path.entries()) {
    if (isEnum(spec.btf.type(step.type)) && step.name !== '') text += `::${step.name}`;
    else if (step.name !== '') text += `.${step.name}`;
    else if (i > 0 || step.index > 0) text += `[${step.index}]`;
  }
  return text;
}

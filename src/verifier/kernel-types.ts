/**
 * Structures by the kernel's own BTF: what a pointer of bpf_rdonly_cast may be read as. The walk is btf_struct_walk's
 * (kernel/bpf/btf.c of Linux 6.18); in place of errors it gives their words.
 */
import { type Btf, type BtfMember, type BtfType, isComposite } from '../object/index.js';
import type { KernelStruct, StructAccess } from '../platform/index.js';

const known = new WeakMap<Btf, Map<number, KernelStruct>>();

/** The structure or union of that id; undefined where it is something else. One object a type. */
export function kernelStruct(btf: Btf, id: number): KernelStruct | undefined {
  const type = btf.type(id);
  if (!isComposite(type)) return undefined;
  let of = known.get(btf);
  if (of === undefined) {
    of = new Map();
    known.set(btf, of);
  }
  let struct = of.get(id);
  if (struct === undefined) {
    const { name, size } = type;
    struct = { name, size, members: [], access: (offset, bytes) => walk(btf, id, offset, bytes) };
    of.set(id, struct);
  }
  return struct;
}

/** An element of a member, however many dimensions it has. */
interface Element {
  readonly type: BtfType;
  readonly count: number;
}

function elementOf(btf: Btf, id: number): Element {
  let type = btf.resolve(id);
  let count = 1;
  while (type.kind === 'array') {
    count *= type.length;
    type = btf.resolve(type.type);
  }
  return { type, count };
}

function walk(btf: Btf, id: number, offset: number, size: number): StructAccess {
  let type = btf.resolve(id);
  let off = offset;
  // Below a union of several members Linux no longer minds accesses that go on into the next member.
  let lenient = false;
  for (;;) {
    if (!isComposite(type)) return refused(`Type '${type.name}' is not a struct`);
    lenient ||= type.kind === 'union' && type.members.length !== 1;
    if (off + size > type.size) {
      const last = flexibleElement(btf, type.members.at(-1), off);
      if (last?.kind === 'int') return { kind: 'number' };
      if (last === undefined || !isComposite(last) || last.size === 0)
        return refused(`access beyond struct ${type.name} at off ${off} size ${size}`);
      off = (off - (type.members.at(-1)?.bitOffset ?? 0) / 8) % last.size;
      type = last;
      continue;
    }
    const member = memberAt(btf, type.members, off, size);
    if (member === undefined) return refused(`struct ${type.name} doesn't have field at offset ${off}`);
    if (member.bitSize !== 0) return { kind: 'number' };
    const start = member.bitOffset / 8;
    const { type: element, count } = elementOf(btf, member.type);
    const bytes = btf.sizeOf(member.type) ?? 0;
    const within = (off - start) % Math.max(1, bytes / count);
    if (isComposite(element)) {
      type = element;
      off = within;
      continue;
    }
    if (element.kind === 'ptr') {
      if (size === 8 && within === 0) return pointer(btf, member.name, element.type);
      const at = off - within;
      const where = `with moff ${at} in struct ${type.name} with off ${off} size ${size}`;
      return refused(`cannot access ptr member ${member.name} ${where}`);
    }
    const end = start + bytes;
    if (off + size <= end || lenient) return { kind: 'number' };
    const where = `(mend:${end}) in struct ${type.name} with off ${off} size ${size}`;
    return refused(`access beyond the end of member ${member.name} ${where}`);
  }
}

/** What an array without a length at the end of a structure has from `off` on. */
function flexibleElement(btf: Btf, last: BtfMember | undefined, off: number): BtfType | undefined {
  const array = last === undefined ? undefined : btf.resolve(last.type);
  if (last === undefined || array?.kind !== 'array' || array.length !== 0 || off < last.bitOffset >> 3)
    return undefined;
  return btf.resolve(array.type);
}

/** The member that an access finds: a bit field only as a whole. */
function memberAt(btf: Btf, members: readonly BtfMember[], off: number, size: number): BtfMember | undefined {
  for (const member of members) {
    const start = member.bitOffset >> 3;
    if (off + size <= start) return undefined;
    if (member.bitSize !== 0) {
      if (off <= start && Math.ceil((member.bitOffset + member.bitSize) / 8) <= off + size) return member;
      continue;
    }
    if (off < start) return undefined;
    if (off < start + (btf.sizeOf(member.type) ?? 0)) return member;
  }
  return undefined;
}

/** A pointer of the kernel's; one that is tagged as another address space's has rules of its own. */
function pointer(btf: Btf, member: string, to: number): StructAccess {
  const tag = btf.type(to);
  if (tag.kind === 'type_tag' && (tag.name === 'user' || tag.name === 'percpu')) return { kind: 'pointer', member };
  const target = btf.resolve(to);
  return { kind: 'pointer', member, target: kernelStruct(btf, target.id) ?? 'memory' };
}

function refused(what: string): StructAccess {
  return { kind: 'refused', what };
}

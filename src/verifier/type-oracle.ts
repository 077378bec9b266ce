/** What the object file's BTF tells the verifier: special fields of map values, signatures of global functions. */
import { type Btf, type FunctionSpec, isComposite, type MapSpec } from '../object/index.js';
import type { FunctionSignature, ParamType, TypeOracle } from './env.js';

/** Structures that programs may touch only through helpers and kfuncs, and their sizes in bytes. */
const specialSizes: Readonly<Record<string, number>> = {
  bpf_spin_lock: 4,
  bpf_timer: 16,
  bpf_wq: 16,
  bpf_res_spin_lock: 4,
  bpf_list_head: 16,
  bpf_list_node: 24,
  bpf_rb_root: 16,
  bpf_rb_node: 32,
  bpf_refcount: 4,
};

interface SpecialField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const nothing: readonly SpecialField[] = [];

/**
 * Answers from the object file's own BTF. Without BTF nothing has special fields and no function a signature, as for
 * Linux.
 */
export class BtfOracle implements TypeOracle {
  private readonly btf: Btf | undefined;
  private readonly fields = new Map<MapSpec, readonly SpecialField[]>();

  constructor(btf: Btf | undefined) {
    this.btf = btf;
  }

  /** Fields of the value type that are the kernel's, by the name of their struct; read once for each map. */
  specialFields(map: MapSpec): readonly SpecialField[] {
    let known = this.fields.get(map);
    if (known === undefined) {
      known = this.btf === undefined || map.btfValueId === 0 ? nothing : this.collect(this.btf, map.btfValueId);
      this.fields.set(map, known);
    }
    return known;
  }

  specialField(map: MapSpec, struct: string): number | undefined {
    return this.specialFields(map).find((field) => field.name === struct)?.offset;
  }

  private collect(btf: Btf, id: number): readonly SpecialField[] {
    const type = btf.resolve(id);
    if (!isComposite(type)) return nothing;
    const found: SpecialField[] = [];
    for (const member of type.members) {
      const inner = btf.resolve(member.type);
      const size = specialSizes[inner.name];
      if (inner.kind === 'struct' && size !== undefined)
        found.push({ name: inner.name, offset: member.bitOffset / 8, size });
    }
    return found;
  }

  /** From the function's BTF prototype and its `arg:` declaration tags. */
  signature(fn: FunctionSpec): FunctionSignature | undefined {
    const { btf } = this;
    if (btf === undefined || fn.btfId === 0) return undefined;
    const func = btf.type(fn.btfId);
    if (func.kind !== 'func') return undefined;
    const proto = btf.resolve(func.type);
    if (proto.kind !== 'func_proto') return undefined;
    const returned = btf.resolve(proto.returnType);
    const scalar = returned.kind === 'int' || returned.kind === 'enum' || returned.kind === 'enum64';
    const returns = scalar ? 'scalar' : returned.kind === 'void' ? 'void' : 'other';
    return { params: proto.params.map((param, i) => this.param(btf, fn.btfId, i, param.type)), returns };
  }

  private param(btf: Btf, func: number, index: number, id: number): ParamType {
    const type = btf.resolve(id);
    if (type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64') return { kind: 'scalar' };
    if (type.kind !== 'ptr') return { kind: 'unsupported', type: type.kind };
    const tags = this.argTags(btf, func, index);
    const target = btf.resolve(type.type);
    if (target.name === 'xdp_md' || tags.includes('arg:ctx')) return { kind: 'ctx' };
    const size = btf.sizeOf(type.type);
    if (size === undefined || size === 0)
      return { kind: 'unsupported', type: `${target.kind.toUpperCase()} ${target.name}`.trim() };
    return { kind: 'mem', size, nullable: !tags.includes('arg:nonnull') };
  }

  private argTags(btf: Btf, func: number, index: number): readonly string[] {
    const tags: string[] = [];
    for (let id = 1; id < btf.count; id++) {
      if (btf.kind(id) !== 'decl_tag') continue;
      const tag = btf.type(id);
      if (tag.kind === 'decl_tag' && tag.type === func && tag.component === index) tags.push(tag.name);
    }
    return tags;
  }
}

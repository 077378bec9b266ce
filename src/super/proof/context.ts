/** What the validation knows of a program's surroundings. */
import type { Btf, MapSpec, ProgramSpec, ProgramTypeName } from '../../object/index.js';
import { xdpMd } from '../../platform/index.js';

/** A field of the context that holds an address of the packet. */
interface PointerField {
  readonly offset: number;
  readonly size: number;
  readonly what: 'data' | 'dataEnd' | 'dataMeta';
}

/** The context as programs of a type see it: all that is not named here is bytes. */
export interface ContextModel {
  /** The packet is where a driver put it, in a page of its own. */
  readonly isXdp: boolean;
  readonly pointers: readonly PointerField[];
  /** How much of r0 is looked at when the program ends. */
  readonly resultBits: 32 | 64;
}

/** struct xdp_md: three fields that read as pointers, and a verdict of 32 bits. */
const xdp: ContextModel = {
  isXdp: true,
  pointers: [
    { offset: xdpMd.data, size: 4, what: 'data' },
    { offset: xdpMd.dataEnd, size: 4, what: 'dataEnd' },
    { offset: xdpMd.dataMeta, size: 4, what: 'dataMeta' },
  ],
  resultBits: 32,
};

/** `struct __sk_buff` (include/uapi/linux/bpf.h): 76, 80, 140. */
const skb: ContextModel = {
  isXdp: false,
  pointers: [
    { offset: 76, size: 4, what: 'data' },
    { offset: 80, size: 4, what: 'dataEnd' },
    { offset: 140, size: 4, what: 'dataMeta' },
  ],
  resultBits: 32,
};

/** A context of which nothing is known but its bytes; all of the result counts. */
const opaque: ContextModel = { isXdp: false, pointers: [], resultBits: 64 };

/** By program type; others have contexts that are bytes and nothing else. */
const models: Readonly<Partial<Record<ProgramTypeName, ContextModel>>> = {
  xdp,
  sched_cls: skb,
  sched_act: skb,
  sk_skb: skb,
  cgroup_skb: skb,
  lwt_in: skb,
  lwt_out: skb,
  lwt_xmit: skb,
};

/** The context of a program type. */
export function contextModel(type: ProgramTypeName): ContextModel {
  return models[type] ?? opaque;
}

/** Types by the context that their programs are handed. */
const byContext: Readonly<Record<string, ProgramTypeName>> = { xdp_md: 'xdp', __sk_buff: 'sched_cls' };

/** The type of a program, by what its function says of its argument where the section's name tells nothing. */
export function shownType({ type, functions: [entry] }: ProgramSpec, btf: Btf | undefined): ProgramTypeName {
  if (type !== 'unspec' || btf === undefined || entry === undefined || entry.btfId === 0) return type;
  const func = btf.type(entry.btfId);
  const proto = func.kind === 'func' ? btf.resolve(func.type) : undefined;
  const [param] = proto?.kind === 'func_proto' ? proto.params : [];
  const pointer = param === undefined ? undefined : btf.resolve(param.type);
  const context = pointer?.kind === 'ptr' ? btf.resolve(pointer.type).name : '';
  return byContext[context] ?? type;
}

/** What both versions are run in. */
export interface ValidationContext {
  readonly type: ProgramTypeName;
  readonly maps: readonly MapSpec[];
}

/**
 * Structures of the kernel that a program reads through a typed pointer, as BTF has them. An object file does not hold
 * them, and a machine without Linux has no BTF of a kernel: what XDP programs get to see is told here, as x86-64
 * kernels of distributions lay it out (zones, marks, NAT and connection labels on), the same from 6.0 to 6.18.
 */

/** A structure or union. */
export interface KernelStruct {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly isUnion?: true;
  /** By rising offset. */
  readonly members: readonly KernelMember[];
  /** In place of members: what a load finds, for a structure that a kernel's BTF tells of. */
  readonly access?: (offset: number, size: number) => StructAccess;
}

/** A member: a number, a pointer of the kernel's, or a structure; an array where `count` says so. */
export interface KernelMember {
  readonly name: string;
  /** Bytes from the beginning of the structure. */
  readonly offset: number;
  readonly type: 'number' | 'pointer' | KernelStruct;
  /** Bytes of one element. */
  readonly size: number;
  /** Elements of an array; 1 where it is none. */
  readonly count: number;
}

/** An access to a structure (btf_struct_walk in kernel/bpf/btf.c): what is there, or why nothing can be read. */
export type StructAccess =
  | { readonly kind: 'number' }
  /** `target`: what it points to, where that may be followed. */
  | { readonly kind: 'pointer'; readonly member: string; readonly target?: KernelStruct | 'memory' }
  /** Beyond the end of the structure, a member, or in none; the words are the kernel's. */
  | { readonly kind: 'refused'; readonly what: string };

function struct(name: string, size: number, members: readonly KernelMember[]): KernelStruct {
  return { name, size, members };
}

function union(name: string, size: number, members: readonly KernelMember[]): KernelStruct {
  return { name, size, isUnion: true, members };
}

const number = (name: string, offset: number, size: number, count = 1): KernelMember => {
  return { name, offset, type: 'number', size, count };
};

const pointer = (name: string, offset: number): KernelMember => ({ name, offset, type: 'pointer', size: 8, count: 1 });

const inside = (name: string, offset: number, type: KernelStruct, count = 1): KernelMember => {
  return { name, offset, type, size: type.size, count };
};

// Only a union's first member decides what an access finds where all have one extent.
const address = union('nf_inet_addr', 16, [number('all', 0, 4, 4)]);
const port = union('nf_conntrack_man_proto', 2, [number('all', 0, 2)]);
const otherPort = union('(anon)', 2, [number('all', 0, 2)]);

/**
 * struct nf_conntrack_tuple: addresses and ports of one direction. Sizes and offsets of what is in it: {@link
 * tupleAt}.
 */
const tuple = struct('nf_conntrack_tuple', 40, [
  inside(
    'src',
    0,
    struct('nf_conntrack_man', 20, [inside('u3', 0, address), inside('u', 16, port), number('l3num', 18, 2)]),
  ),
  inside(
    'dst',
    20,
    struct('(anon)', 20, [
      inside('u3', 0, address),
      inside('u', 16, otherPort),
      number('protonum', 18, 1),
      number('dir', 19, 1),
    ]),
  ),
]);

const nulls = struct('hlist_nulls_node', 16, [pointer('next', 0), pointer('pprev', 8)]);

const tcpState = struct('ip_ct_tcp_state', 20, [
  ...['td_end', 'td_maxend', 'td_maxwin', 'td_maxack'].map((name, i) => number(name, 4 * i, 4)),
  number('td_scale', 16, 1),
  number('flags', 17, 1),
]);

const sctp = struct('ip_ct_sctp', 16, [
  number('state', 0, 4),
  number('vtag', 4, 4, 2),
  number('init', 12, 1, 2),
  number('last_dir', 14, 1),
  number('flags', 15, 1),
]);

const tcp = struct('ip_ct_tcp', 60, [
  inside('seen', 0, tcpState, 2),
  ...['state', 'last_dir', 'retrans', 'last_index'].map((name, i) => number(name, 40 + i, 1)),
  ...['last_seq', 'last_ack', 'last_end'].map((name, i) => number(name, 44 + 4 * i, 4)),
  number('last_win', 56, 2),
  number('last_wscale', 58, 1),
  number('last_flags', 59, 1),
]);

/** struct nf_conn (include/net/netfilter/nf_conntrack.h): a connection. */
export const nfConn: KernelStruct = struct('nf_conn', 248, [
  inside(
    'ct_general',
    0,
    struct('nf_conntrack', 4, [inside('use', 0, struct('refcount_struct', 4, [number('refs', 0, 4)]))]),
  ),
  inside('lock', 4, struct('spinlock', 4, [number('rlock', 0, 4)])),
  number('timeout', 8, 4),
  inside('zone', 12, struct('nf_conntrack_zone', 4, [number('id', 0, 2), number('flags', 2, 1), number('dir', 3, 1)])),
  inside(
    'tuplehash',
    16,
    struct('nf_conntrack_tuple_hash', 56, [inside('hnnode', 0, nulls), inside('tuple', 16, tuple)]),
    2,
  ),
  number('status', 128, 8),
  inside('ct_net', 136, struct('possible_net_t', 8, [pointer('net', 0)])),
  inside('nat_bysource', 144, struct('hlist_node', 16, [pointer('next', 0), pointer('pprev', 8)])),
  pointer('master', 160),
  number('mark', 168, 4),
  number('secmark', 172, 4),
  pointer('ext', 176),
  inside(
    'proto',
    184,
    union('nf_conntrack_proto', 64, [inside('sctp', 0, sctp), inside('tcp', 0, tcp), number('tmpl_padto', 0, 4)]),
  ),
]);

/** struct nf_conn___init: a connection that is not in the table yet. */
export const nfConnInit: KernelStruct = struct('nf_conn___init', nfConn.size, [inside('ct', 0, nfConn)]);

/** Offsets in struct nf_conn of what jitnic's machines fill in. */
export const nfConnAt = {
  use: 0,
  timeout: 8,
  zoneId: 12,
  zoneDir: 15,
  /** The tuple of the original direction, then of the reply. */
  tuples: [32, 88],
  status: 128,
  mark: 168,
  secmark: 172,
  size: 248,
} as const;

/** Offsets in struct nf_conntrack_tuple. */
export const tupleAt = {
  source: 0,
  sourcePort: 16,
  family: 18,
  destination: 20,
  destinationPort: 36,
  protocol: 38,
  direction: 39,
  size: 40,
} as const;

/** Bits of nf_conn.status (enum ip_conntrack_status), by what `conntrack -L` and the kernel call them. */
export const connStatus = {
  expected: 1,
  seen_reply: 2,
  assured: 4,
  confirmed: 8,
  src_nat: 0x10,
  dst_nat: 0x20,
  seq_adjust: 0x40,
  src_nat_done: 0x80,
  dst_nat_done: 0x100,
  dying: 0x200,
  fixed_timeout: 0x400,
  template: 0x800,
  nat_clash: 0x1000,
  helper: 0x2000,
  offload: 0x4000,
  hw_offload: 0x8000,
} as const;

/** What a load of `size` bytes at `offset` finds (btf_struct_access). */
export function accessStruct(outer: KernelStruct, offset: number, size: number): StructAccess {
  if (outer.access !== undefined) return outer.access(offset, size);
  let type = outer;
  let off = offset;
  // Below a union of several members Linux no longer minds accesses that go on into the next member.
  let lenient = false;
  for (;;) {
    lenient ||= type.isUnion === true;
    if (off + size > type.size) return refused(`access beyond struct ${type.name} at off ${off} size ${size}`);
    const member = type.members.find((each) => off < each.offset + each.size * each.count);
    if (member === undefined || off < member.offset)
      return refused(`struct ${type.name} doesn't have field at offset ${off}`);
    const within = (off - member.offset) % member.size;
    if (typeof member.type === 'object') {
      type = member.type;
      off = within;
      continue;
    }
    if (member.type === 'pointer') {
      if (size === member.size && within === 0) return { kind: 'pointer', member: member.name };
      const where = `with moff ${member.offset} in struct ${type.name} with off ${off} size ${size}`;
      return refused(`cannot access ptr member ${member.name} ${where}`);
    }
    const end = member.offset + member.size * member.count;
    if (off + size <= end || lenient) return { kind: 'number' };
    const where = `(mend:${end}) in struct ${type.name} with off ${off} size ${size}`;
    return refused(`access beyond the end of member ${member.name} ${where}`);
  }
}

function refused(what: string): StructAccess {
  return { kind: 'refused', what };
}

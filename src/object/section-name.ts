/**
 * What a section's name says about the programs in it: libbpf's SEC() table (tools/lib/bpf/libbpf.c, section_defs),
 * and after it the looser rule of libbpf before 1.0, by which many people's objects were named: a known word followed
 * by anything (`xdp_drop`, `xdp1`, `classifier_main`, `socket1`).
 */
import type { ProgramSpec, ProgramTypeName } from './spec.js';

/** What a section's name means for a program in it. */
interface SectionMeaning {
  readonly type: ProgramTypeName;
  readonly attach: ProgramSpec['attach'];
  readonly frags: boolean;
}

/** Word -> type. With a trailing `+` it may be followed by `/anything`. */
const exactNames: readonly (readonly [string, ProgramTypeName])[] = [
  ['socket', 'socket_filter'],
  ['sk_reuseport/migrate', 'sk_reuseport'],
  ['sk_reuseport', 'sk_reuseport'],
  ['kprobe+', 'kprobe'],
  ['uprobe+', 'kprobe'],
  ['uprobe.s+', 'kprobe'],
  ['kretprobe+', 'kprobe'],
  ['uretprobe+', 'kprobe'],
  ['uretprobe.s+', 'kprobe'],
  ['kprobe.multi+', 'kprobe'],
  ['kretprobe.multi+', 'kprobe'],
  ['kprobe.session+', 'kprobe'],
  ['uprobe.multi+', 'kprobe'],
  ['uretprobe.multi+', 'kprobe'],
  ['uprobe.session+', 'kprobe'],
  ['uprobe.multi.s+', 'kprobe'],
  ['uretprobe.multi.s+', 'kprobe'],
  ['uprobe.session.s+', 'kprobe'],
  ['ksyscall+', 'kprobe'],
  ['kretsyscall+', 'kprobe'],
  ['usdt+', 'kprobe'],
  ['usdt.s+', 'kprobe'],
  ['tc/ingress', 'sched_cls'],
  ['tc/egress', 'sched_cls'],
  ['tcx/ingress', 'sched_cls'],
  ['tcx/egress', 'sched_cls'],
  ['netkit/primary', 'sched_cls'],
  ['netkit/peer', 'sched_cls'],
  ['tc', 'sched_cls'],
  ['classifier', 'sched_cls'],
  ['action', 'sched_act'],
  ['tracepoint+', 'tracepoint'],
  ['tp+', 'tracepoint'],
  ['raw_tracepoint+', 'raw_tracepoint'],
  ['raw_tp+', 'raw_tracepoint'],
  ['raw_tracepoint.w+', 'raw_tracepoint_writable'],
  ['raw_tp.w+', 'raw_tracepoint_writable'],
  ['tp_btf+', 'tracing'],
  ['fentry+', 'tracing'],
  ['fmod_ret+', 'tracing'],
  ['fexit+', 'tracing'],
  ['fentry.s+', 'tracing'],
  ['fmod_ret.s+', 'tracing'],
  ['fexit.s+', 'tracing'],
  ['freplace+', 'ext'],
  ['lsm+', 'lsm'],
  ['lsm.s+', 'lsm'],
  ['lsm_cgroup+', 'lsm'],
  ['iter+', 'tracing'],
  ['iter.s+', 'tracing'],
  ['syscall', 'syscall'],
  ['perf_event', 'perf_event'],
  ['lwt_in', 'lwt_in'],
  ['lwt_out', 'lwt_out'],
  ['lwt_xmit', 'lwt_xmit'],
  ['lwt_seg6local', 'lwt_seg6local'],
  ['sockops', 'sock_ops'],
  ['sk_skb/stream_parser', 'sk_skb'],
  ['sk_skb/stream_verdict', 'sk_skb'],
  ['sk_skb/verdict', 'sk_skb'],
  ['sk_skb', 'sk_skb'],
  ['sk_msg', 'sk_msg'],
  ['lirc_mode2', 'lirc_mode2'],
  ['flow_dissector', 'flow_dissector'],
  ['cgroup_skb/ingress', 'cgroup_skb'],
  ['cgroup_skb/egress', 'cgroup_skb'],
  ['cgroup/skb', 'cgroup_skb'],
  ['cgroup/sock_create', 'cgroup_sock'],
  ['cgroup/sock_release', 'cgroup_sock'],
  ['cgroup/sock', 'cgroup_sock'],
  ['cgroup/post_bind4', 'cgroup_sock'],
  ['cgroup/post_bind6', 'cgroup_sock'],
  ['cgroup/bind4', 'cgroup_sock_addr'],
  ['cgroup/bind6', 'cgroup_sock_addr'],
  ['cgroup/connect4', 'cgroup_sock_addr'],
  ['cgroup/connect6', 'cgroup_sock_addr'],
  ['cgroup/connect_unix', 'cgroup_sock_addr'],
  ['cgroup/sendmsg4', 'cgroup_sock_addr'],
  ['cgroup/sendmsg6', 'cgroup_sock_addr'],
  ['cgroup/sendmsg_unix', 'cgroup_sock_addr'],
  ['cgroup/recvmsg4', 'cgroup_sock_addr'],
  ['cgroup/recvmsg6', 'cgroup_sock_addr'],
  ['cgroup/recvmsg_unix', 'cgroup_sock_addr'],
  ['cgroup/getpeername4', 'cgroup_sock_addr'],
  ['cgroup/getpeername6', 'cgroup_sock_addr'],
  ['cgroup/getpeername_unix', 'cgroup_sock_addr'],
  ['cgroup/getsockname4', 'cgroup_sock_addr'],
  ['cgroup/getsockname6', 'cgroup_sock_addr'],
  ['cgroup/getsockname_unix', 'cgroup_sock_addr'],
  ['cgroup/sysctl', 'cgroup_sysctl'],
  ['cgroup/getsockopt', 'cgroup_sockopt'],
  ['cgroup/setsockopt', 'cgroup_sockopt'],
  ['cgroup/dev', 'cgroup_device'],
  ['struct_ops+', 'struct_ops'],
  ['struct_ops.s+', 'struct_ops'],
  ['sk_lookup', 'sk_lookup'],
  ['netfilter', 'netfilter'],
];

/** Longest first, so that `sk_skb` does not take what `sk_skb/stream_parser` means. */
const loosePrefixes: readonly (readonly [string, ProgramTypeName])[] = exactNames
  .filter(([name]) => name !== 'tc' && name !== 'syscall' && name !== 'netfilter')
  .map(([name, type]) => [name.replace('+', '/'), type] as const)
  .sort(([a], [b]) => b.length - a.length);

/**
 * `xdp`, `xdp.frags`, each alone or with `_devmap`, `/cpumap` and the like after it, each with `/anything` after that.
 */
const xdpName = /^xdp(\.frags)?(?:[_/](devmap|cpumap)(?=\/|$))?/;

/** A leading `?` (not loaded unless asked for) is skipped, as libbpf does. */
export function sectionMeaning(section: string): SectionMeaning {
  const name = section.startsWith('?') ? section.slice(1) : section;
  const xdp = xdpName.exec(name);
  if (xdp !== null) {
    const attach = xdp[2] === 'devmap' ? 'xdp_devmap' : xdp[2] === 'cpumap' ? 'xdp_cpumap' : 'xdp';
    return { type: 'xdp', attach, frags: xdp[1] !== undefined };
  }
  const exact = exactNames.find(([known]) =>
    known.endsWith('+') ? name === known.slice(0, -1) || name.startsWith(`${known.slice(0, -1)}/`) : name === known,
  );
  const found = exact ?? loosePrefixes.find(([known]) => name.startsWith(known));
  return { type: found?.[1] ?? 'unspec', attach: undefined, frags: false };
}

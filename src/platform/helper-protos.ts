/**
 * Prototypes of the helpers that Linux 6.18 lets an XDP program with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON call
 * (xdp_func_proto in net/core/filter.c, bpf_base_func_proto in kernel/bpf/helpers.c and what they fall back to). A
 * helper that is not listed is refused for XDP.
 */
import { type HelperName, helperNames, helperNumber } from './helpers.js';

/**
 * Classes of arguments. A `mem` is followed by the `size` that counts its bytes, except for `{ fixed }`.
 * `?` allows null (for a size: zero).
 */
export type ArgClass =
  /** Any number; pointers pass too. */
  | 'any'
  | 'ctx'
  /** A map itself. */
  | 'map'
  /** Key of the map argument: its key_size readable bytes. */
  | 'key'
  /** Value of the map argument: its value_size readable bytes. */
  | 'value'
  /** value_size bytes that the helper fills. */
  | 'value out'
  /** Readable bytes. */
  | 'mem'
  | 'mem?'
  /** Bytes that the helper reads and may write. */
  | 'mem inout'
  /** Bytes that the helper fills. */
  | 'mem out'
  | 'mem out?'
  | 'size'
  | 'size?'
  /** A constant size of memory that the helper hands out. */
  | 'alloc size'
  | 'ringbuf mem release'
  /** A function of the program. */
  | 'func'
  | 'stack?'
  | 'spin_lock'
  | 'timer'
  | 'socket'
  | 'sock_common'
  | 'sock_common release'
  /** A NUL-terminated string in a read-only map. */
  | 'const_str'
  | 'percpu ptr'
  | 'kernel ptr'
  | 'dynptr'
  | 'dynptr local new'
  | 'dynptr ringbuf new'
  | 'dynptr ringbuf release'
  /** A fixed number of bytes. */
  | { readonly fixed: number; readonly mode: 'in' | 'out' | 'inout'; readonly aligned?: true };

export type ReturnClass =
  | 'integer'
  | 'void'
  | 'map_value?'
  | 'sock?'
  | 'sock_common?'
  | 'tcp_sock?'
  | 'ringbuf_mem?'
  | 'dynptr_mem?'
  /** A typed kernel object. */
  | 'ptr'
  | 'ptr?';

export interface HelperProto {
  readonly args: readonly ArgClass[];
  readonly ret: ReturnClass;
  /** Only for programs with a GPL-compatible licence. */
  readonly gpl?: true;
  /** Takes pointers into the packet where it takes memory. */
  readonly packet?: true;
  /** Moves the packet's ends: all packet pointers are lost. */
  readonly movesPacket?: true;
  /** May sleep: never allowed in XDP. */
  readonly sleeps?: true;
  /** Byte range of the result, where the kernel knows one. */
  readonly acquires?: true;
}

const u32InOut = { fixed: 4, mode: 'inout', aligned: true } as const;
const u64Out = { fixed: 8, mode: 'out', aligned: true } as const;
const iphdr = { fixed: 20, mode: 'in' } as const;
const ipv6hdr = { fixed: 40, mode: 'in' } as const;
const tcphdr = { fixed: 20, mode: 'in' } as const;

const lookupSocket = ['ctx', 'mem', 'size?', 'any', 'any'] as const;
const probeRead = { args: ['mem out', 'size?', 'any'], ret: 'integer', gpl: true } as const;
const nothing = { args: [], ret: 'integer' } as const;
const castSocket = { args: ['sock_common'], ret: 'ptr?' } as const;

export const xdpHelpers: Readonly<Partial<Record<HelperName, HelperProto>>> = {
  map_lookup_elem: { args: ['map', 'key'], ret: 'map_value?', packet: true },
  map_update_elem: { args: ['map', 'key', 'value', 'any'], ret: 'integer', packet: true },
  map_delete_elem: { args: ['map', 'key'], ret: 'integer', packet: true },
  map_push_elem: { args: ['map', 'value', 'any'], ret: 'integer', packet: true },
  map_pop_elem: { args: ['map', 'value out'], ret: 'integer', packet: true },
  map_peek_elem: { args: ['map', 'value out'], ret: 'integer', packet: true },
  map_lookup_percpu_elem: { args: ['map', 'key', 'any'], ret: 'map_value?', packet: true },
  for_each_map_elem: { args: ['map', 'func', 'stack?', 'any'], ret: 'integer' },
  loop: { args: ['any', 'func', 'stack?', 'any'], ret: 'integer' },

  ktime_get_ns: nothing,
  ktime_get_boot_ns: nothing,
  ktime_get_coarse_ns: nothing,
  ktime_get_tai_ns: nothing,
  jiffies64: nothing,
  get_prandom_u32: nothing,
  get_smp_processor_id: nothing,
  get_numa_node_id: nothing,
  get_current_pid_tgid: nothing,
  get_current_uid_gid: nothing,
  get_current_task: { args: [], ret: 'integer', gpl: true },
  get_current_cgroup_id: nothing,
  get_cgroup_classid: nothing,
  send_signal: { args: ['any'], ret: 'integer' },
  send_signal_thread: { args: ['any'], ret: 'integer' },
  current_task_under_cgroup: { args: ['map', 'any'], ret: 'integer' },
  perf_event_read: { args: ['map', 'any'], ret: 'integer', gpl: true },
  get_current_ancestor_cgroup_id: { args: ['any'], ret: 'integer' },
  get_current_task_btf: { args: [], ret: 'ptr', gpl: true },
  get_branch_snapshot: { args: ['mem out', 'size?', 'any'], ret: 'integer', gpl: true },
  get_current_comm: { args: ['mem out', 'size'], ret: 'integer' },
  get_ns_current_pid_tgid: { args: ['any', 'any', 'mem out', 'size'], ret: 'integer' },

  trace_printk: { args: ['mem', 'size'], ret: 'integer', gpl: true },
  trace_vprintk: { args: ['mem', 'size', 'mem?', 'size?'], ret: 'integer', gpl: true },
  snprintf: { args: ['mem out?', 'size?', 'const_str', 'mem?', 'size?'], ret: 'integer', gpl: true },
  snprintf_btf: { args: ['mem out', 'size', 'mem', 'size', 'any'], ret: 'integer', gpl: true },
  strncmp: { args: ['mem', 'size', 'const_str'], ret: 'integer' },
  strtol: { args: ['mem', 'size', 'any', u64Out], ret: 'integer' },
  strtoul: { args: ['mem', 'size', 'any', u64Out], ret: 'integer' },
  probe_read_user: probeRead,
  probe_read_kernel: probeRead,
  probe_read_user_str: probeRead,
  probe_read_kernel_str: probeRead,

  tail_call: { args: ['ctx', 'map', 'any'], ret: 'void' },
  redirect: { args: ['any', 'any'], ret: 'integer' },
  redirect_map: { args: ['map', 'any', 'any'], ret: 'integer' },
  perf_event_output: { args: ['ctx', 'map', 'any', 'mem', 'size?'], ret: 'integer', gpl: true },
  perf_event_read_value: { args: ['map', 'any', 'mem out', 'size'], ret: 'integer', gpl: true },
  ringbuf_output: { args: ['map', 'mem', 'size?', 'any'], ret: 'integer' },
  ringbuf_reserve: { args: ['map', 'alloc size', 'any'], ret: 'ringbuf_mem?', acquires: true },
  ringbuf_submit: { args: ['ringbuf mem release', 'any'], ret: 'void' },
  ringbuf_discard: { args: ['ringbuf mem release', 'any'], ret: 'void' },
  ringbuf_query: { args: ['map', 'any'], ret: 'integer' },

  csum_diff: { args: ['mem?', 'size?', 'mem?', 'size?', 'any'], ret: 'integer', packet: true },
  xdp_adjust_head: { args: ['ctx', 'any'], ret: 'integer', movesPacket: true },
  xdp_adjust_meta: { args: ['ctx', 'any'], ret: 'integer', movesPacket: true },
  xdp_adjust_tail: { args: ['ctx', 'any'], ret: 'integer', movesPacket: true },
  xdp_get_buff_len: { args: ['ctx'], ret: 'integer' },
  xdp_load_bytes: { args: ['ctx', 'any', 'mem out', 'size'], ret: 'integer' },
  xdp_store_bytes: { args: ['ctx', 'any', 'mem', 'size'], ret: 'integer' },
  fib_lookup: { args: ['ctx', 'mem inout', 'size', 'any'], ret: 'integer', gpl: true, packet: true },
  check_mtu: { args: ['ctx', 'any', u32InOut, 'any', 'any'], ret: 'integer', gpl: true },

  sk_lookup_tcp: { args: lookupSocket, ret: 'sock?', packet: true, acquires: true },
  sk_lookup_udp: { args: lookupSocket, ret: 'sock?', packet: true, acquires: true },
  skc_lookup_tcp: { args: lookupSocket, ret: 'sock_common?', packet: true, acquires: true },
  sk_release: { args: ['sock_common release'], ret: 'integer' },
  tcp_check_syncookie: { args: ['sock_common', 'mem', 'size', 'mem', 'size'], ret: 'integer', gpl: true, packet: true },
  tcp_gen_syncookie: { args: ['sock_common', 'mem', 'size', 'mem', 'size'], ret: 'integer', gpl: true, packet: true },
  tcp_raw_gen_syncookie_ipv4: { args: [iphdr, 'mem', 'size?'], ret: 'integer', gpl: true, packet: true },
  tcp_raw_gen_syncookie_ipv6: { args: [ipv6hdr, 'mem', 'size?'], ret: 'integer', gpl: true, packet: true },
  tcp_raw_check_syncookie_ipv4: { args: [iphdr, tcphdr], ret: 'integer', gpl: true, packet: true },
  tcp_raw_check_syncookie_ipv6: { args: [ipv6hdr, tcphdr], ret: 'integer', gpl: true, packet: true },
  skc_to_tcp6_sock: castSocket,
  skc_to_tcp_sock: castSocket,
  skc_to_tcp_timewait_sock: castSocket,
  skc_to_tcp_request_sock: castSocket,
  skc_to_udp6_sock: castSocket,
  skc_to_unix_sock: castSocket,
  skc_to_mptcp_sock: castSocket,

  spin_lock: { args: ['spin_lock'], ret: 'void' },
  spin_unlock: { args: ['spin_lock'], ret: 'void' },
  timer_init: { args: ['timer', 'map', 'any'], ret: 'integer', gpl: true },
  timer_set_callback: { args: ['timer', 'func'], ret: 'integer', gpl: true },
  timer_start: { args: ['timer', 'any', 'any'], ret: 'integer', gpl: true },
  timer_cancel: { args: ['timer'], ret: 'integer', gpl: true },

  per_cpu_ptr: { args: ['percpu ptr', 'any'], ret: 'ptr?' },
  this_cpu_ptr: { args: ['percpu ptr'], ret: 'ptr' },

  dynptr_from_mem: { args: ['mem out', 'size?', 'any', 'dynptr local new'], ret: 'integer' },
  dynptr_read: { args: ['mem out', 'size?', 'dynptr', 'any', 'any'], ret: 'integer' },
  dynptr_write: { args: ['dynptr', 'any', 'mem', 'size?', 'any'], ret: 'integer' },
  dynptr_data: { args: ['dynptr', 'any', 'alloc size'], ret: 'dynptr_mem?' },
  ringbuf_reserve_dynptr: { args: ['map', 'any', 'any', 'dynptr ringbuf new'], ret: 'integer' },
  ringbuf_submit_dynptr: { args: ['dynptr ringbuf release', 'any'], ret: 'void' },
  ringbuf_discard_dynptr: { args: ['dynptr ringbuf release', 'any'], ret: 'void' },

  copy_from_user: { args: ['mem out', 'size?', 'any'], ret: 'integer', sleeps: true },
  copy_from_user_task: {
    args: ['mem out', 'size?', 'any', 'kernel ptr', 'any'],
    ret: 'integer',
    gpl: true,
    sleeps: true,
  },
  task_pt_regs: { args: ['kernel ptr'], ret: 'ptr', gpl: true },
};

const printk = helperNumber('trace_printk');

/** How many of r1 to r5 helper `number` looks at. bpf_trace_printk takes up to three more than its prototype says. */
export function registersRead(number: number): number {
  const name = helperNames[number];
  return (name === undefined || number === printk ? undefined : xdpHelpers[name])?.args.length ?? 5;
}

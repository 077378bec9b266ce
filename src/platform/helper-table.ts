/**
 * The helpers that Linux 6.18 lets an XDP program with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON call (xdp_func_proto in
 * net/core/filter.c, bpf_base_func_proto in kernel/bpf/helpers.c and what they fall back to), a row each. A helper
 * without a row is refused for XDP.
 *
 * This is the one place that says what a helper reads, changes and answers: the verifier, the translation to the IR,
 * the optimizer, the recorder, the cards, the judge and the command line ask it (see helper-facts.ts for questions
 * that more than one of them has). To add a helper, write its row here and its implementation under the same name in
 * `vm/helpers/helpers.ts`; docs/architecture.md shows one. Columns are told in helper-row.ts.
 */
import { type HelperName, helperNames } from './helper-names.js';
import type { HelperRow, HelperSpec } from './helper-row.js';
import type { MapTypeName } from './map-type.js';

const perfArrays: readonly MapTypeName[] = ['perf_event_array'];
const queues: readonly MapTypeName[] = ['queue', 'stack', 'bloom_filter'];
const redirectMaps: readonly MapTypeName[] = ['devmap', 'devmap_hash', 'cpumap', 'xskmap'];
const ringBuffers: readonly MapTypeName[] = ['ringbuf'];
const socketMaps: readonly MapTypeName[] = ['sockmap', 'sockhash'];
/** XSK and device maps can be looked into, CPU maps not; a map in a map is a map argument of later calls. */
const lookedInto: readonly MapTypeName[] = [
  'devmap',
  'devmap_hash',
  'xskmap',
  'array_of_maps',
  'hash_of_maps',
  ...socketMaps,
];
const perCpuMaps: readonly MapTypeName[] = ['percpu_array', 'percpu_hash', 'lru_percpu_hash'];
const walkable: readonly MapTypeName[] = ['hash', 'array', 'lru_hash', ...perCpuMaps];

const u32InOut = { fixed: 4, mode: 'inout', aligned: true } as const;
const u64Out = { fixed: 8, mode: 'out', aligned: true } as const;
const iphdr = { fixed: 20, mode: 'in' } as const;
const ipv6hdr = { fixed: 40, mode: 'in' } as const;
const tcphdr = { fixed: 20, mode: 'in' } as const;

const lookupSocket = ['ctx', 'mem', 'size?', 'any', 'any'] as const;
/** Reading kernel memory: the verifier takes it, no engine here has any. */
const probeRead = { args: ['mem out', 'size?', 'any'], ret: 'integer', gpl: true, stops: true } as const;
const castSocket = { args: ['sock_common'], ret: 'ptr?', lacks: 'kernel pointers' } as const;

/** The rows. Order is that of the numbers; fields are explained at {@link HelperSpec}. */
const specs: Readonly<Partial<Record<HelperName, HelperSpec>>> = {
  map_lookup_elem: { args: ['map', 'key'], ret: 'map_value?', packet: true, alsoMaps: lookedInto, bits: 32 },
  map_update_elem: {
    args: ['map', 'key', 'value', 'any'],
    ret: 'integer',
    packet: true,
    alsoMaps: socketMaps,
    changes: ['elements'],
  },
  map_delete_elem: { args: ['map', 'key'], ret: 'integer', packet: true, alsoMaps: socketMaps, changes: ['elements'] },
  map_push_elem: { args: ['map', 'value', 'any'], ret: 'integer', packet: true, maps: queues, changes: ['elements'] },
  map_pop_elem: {
    args: ['map', 'value out'],
    ret: 'integer',
    packet: true,
    maps: ['queue', 'stack'],
    changes: ['elements'],
  },
  map_peek_elem: { args: ['map', 'value out'], ret: 'integer', packet: true, maps: queues },
  map_lookup_percpu_elem: { args: ['map', 'key', 'any'], ret: 'map_value?', packet: true, maps: perCpuMaps, bits: 32 },
  for_each_map_elem: {
    args: ['map', 'func', 'stack?', 'any'],
    ret: 'integer',
    maps: walkable,
    calls: 'now',
    changes: ['program'],
  },
  loop: { args: ['any', 'func', 'stack?', 'any'], ret: 'integer', calls: 'now', changes: ['program'] },

  ktime_get_ns: { args: [], ret: 'integer', asks: 'clock' },
  ktime_get_boot_ns: { args: [], ret: 'integer', asks: 'clock', sameAs: 'ktime_get_ns' },
  ktime_get_coarse_ns: { args: [], ret: 'integer', asks: 'clock' },
  ktime_get_tai_ns: { args: [], ret: 'integer', asks: 'clock' },
  jiffies64: { args: [], ret: 'integer', asks: 'clock' },
  get_prandom_u32: { args: [], ret: 'integer', asks: 'random', bits: 32, changes: ['generator'] },
  get_smp_processor_id: { args: [], ret: 'integer', asks: 'cpu', bits: 32, range: 'cpu' },
  get_numa_node_id: { args: [], ret: 'integer', asks: 'node', isZero: true },
  get_current_pid_tgid: { args: [], ret: 'integer', asks: 'task', isZero: true },
  get_current_uid_gid: { args: [], ret: 'integer', asks: 'task', isZero: true },
  get_current_task: { args: [], ret: 'integer', gpl: true, asks: 'task', isZero: true },
  get_current_cgroup_id: { args: [], ret: 'integer', asks: 'task', isZero: true },
  get_cgroup_classid: { args: [], ret: 'integer', asks: 'task', lacks: 'tasks' },
  send_signal: { args: ['any'], ret: 'integer', changes: ['outside'], lacks: 'tasks' },
  send_signal_thread: { args: ['any'], ret: 'integer', changes: ['outside'], lacks: 'tasks' },
  current_task_under_cgroup: {
    args: ['map', 'any'],
    ret: 'integer',
    maps: ['cgroup_array'],
    asks: 'task',
    lacks: 'tasks',
  },
  perf_event_read: {
    args: ['map', 'any'],
    ret: 'integer',
    gpl: true,
    maps: perfArrays,
    asks: 'host',
    lacks: 'perf counters',
  },
  get_current_ancestor_cgroup_id: { args: ['any'], ret: 'integer', asks: 'task', lacks: 'tasks' },
  get_current_task_btf: { args: [], ret: 'ptr', gpl: true, asks: 'task', lacks: 'tasks' },
  get_branch_snapshot: {
    args: ['mem out', 'size?', 'any'],
    ret: 'integer',
    gpl: true,
    asks: 'host',
    lacks: 'perf counters',
  },
  get_current_comm: { args: ['mem out', 'size'], ret: 'integer', asks: 'task' },
  get_ns_current_pid_tgid: { args: ['any', 'any', 'mem out', 'size'], ret: 'integer', asks: 'task', lacks: 'tasks' },

  trace_printk: { args: ['mem', 'size'], ret: 'integer', gpl: true, prints: 'registers', changes: ['output'] },
  trace_vprintk: {
    args: ['mem', 'size', 'mem?', 'size?'],
    ret: 'integer',
    gpl: true,
    prints: 'list',
    changes: ['output'],
  },
  snprintf: { args: ['mem out?', 'size?', 'const_str', 'mem?', 'size?'], ret: 'integer', gpl: true, prints: 'list' },
  snprintf_btf: {
    args: ['mem out', 'size', 'mem', 'size', 'any'],
    ret: 'integer',
    lacks: 'kernel pointers',
  },
  strncmp: { args: ['mem', 'size', 'const_str'], ret: 'integer' },
  strtol: { args: ['mem', 'size', 'any', u64Out], ret: 'integer' },
  strtoul: { args: ['mem', 'size', 'any', u64Out], ret: 'integer' },
  probe_read_user: { ...probeRead, fills: 'always' },
  probe_read_kernel: { ...probeRead, fills: 'always' },
  probe_read_user_str: { ...probeRead, range: 'size or errno' },
  probe_read_kernel_str: { ...probeRead, range: 'size or errno' },

  tail_call: { args: ['ctx', 'map', 'any'], ret: 'void', maps: ['prog_array'], changes: ['program', 'packet'] },
  redirect: { args: ['any', 'any'], ret: 'integer', changes: ['redirect'], bits: 32 },
  redirect_map: { args: ['map', 'any', 'any'], ret: 'integer', maps: redirectMaps, changes: ['redirect'], bits: 32 },
  perf_event_output: {
    args: ['ctx', 'map', 'any', 'mem', 'size?'],
    ret: 'integer',
    gpl: true,
    maps: perfArrays,
    changes: ['output'],
  },
  perf_event_read_value: {
    args: ['map', 'any', 'mem out', 'size'],
    ret: 'integer',
    gpl: true,
    maps: perfArrays,
    asks: 'host',
    lacks: 'perf counters',
  },
  ringbuf_output: { args: ['map', 'mem', 'size?', 'any'], ret: 'integer', maps: ringBuffers, changes: ['output'] },
  ringbuf_reserve: {
    args: ['map', 'alloc size', 'any'],
    ret: 'ringbuf_mem?',
    acquires: true,
    maps: ringBuffers,
    changes: ['records'],
    bits: 32,
  },
  ringbuf_submit: { args: ['ringbuf mem release', 'any'], ret: 'void', changes: ['records'] },
  ringbuf_discard: { args: ['ringbuf mem release', 'any'], ret: 'void', changes: ['records'] },
  ringbuf_query: { args: ['map', 'any'], ret: 'integer', maps: ringBuffers },

  csum_diff: { args: ['mem?', 'size?', 'mem?', 'size?', 'any'], ret: 'integer', packet: true },
  xdp_adjust_head: { args: ['ctx', 'any'], ret: 'integer', moves: 'head' },
  xdp_adjust_meta: { args: ['ctx', 'any'], ret: 'integer', moves: 'head' },
  xdp_adjust_tail: { args: ['ctx', 'any'], ret: 'integer', moves: 'tail' },
  xdp_get_buff_len: { args: ['ctx'], ret: 'integer', bits: 32 },
  xdp_load_bytes: { args: ['ctx', 'any', 'mem out', 'size'], ret: 'integer', fills: 'on success' },
  xdp_store_bytes: { args: ['ctx', 'any', 'mem', 'size'], ret: 'integer', changes: ['packet'] },
  fib_lookup: { args: ['ctx', 'mem inout', 'size', 'any'], ret: 'integer', gpl: true, packet: true, asks: 'host' },
  check_mtu: { args: ['ctx', 'any', u32InOut, 'any', 'any'], ret: 'integer', gpl: true, asks: 'host' },

  sk_lookup_tcp: {
    args: lookupSocket,
    ret: 'sock?',
    packet: true,
    acquires: true,
    asks: 'host',
    changes: ['references'],
  },
  sk_lookup_udp: {
    args: lookupSocket,
    ret: 'sock?',
    packet: true,
    acquires: true,
    asks: 'host',
    changes: ['references'],
  },
  skc_lookup_tcp: {
    args: lookupSocket,
    ret: 'sock_common?',
    packet: true,
    acquires: true,
    asks: 'host',
    changes: ['references'],
  },
  sk_release: { args: ['sock_common release'], ret: 'integer', changes: ['references'] },
  tcp_check_syncookie: {
    args: ['sock_common', 'mem', 'size', 'mem', 'size'],
    ret: 'integer',
    gpl: true,
    packet: true,
    asks: 'host',
  },
  tcp_gen_syncookie: {
    args: ['sock_common', 'mem', 'size', 'mem', 'size'],
    ret: 'integer',
    gpl: true,
    packet: true,
    asks: 'host',
  },
  tcp_raw_gen_syncookie_ipv4: { args: [iphdr, 'mem', 'size?'], ret: 'integer', gpl: true, packet: true, asks: 'host' },
  tcp_raw_gen_syncookie_ipv6: {
    args: [ipv6hdr, 'mem', 'size?'],
    ret: 'integer',
    gpl: true,
    packet: true,
    asks: 'host',
  },
  tcp_raw_check_syncookie_ipv4: { args: [iphdr, tcphdr], ret: 'integer', gpl: true, packet: true, asks: 'host' },
  tcp_raw_check_syncookie_ipv6: { args: [ipv6hdr, tcphdr], ret: 'integer', gpl: true, packet: true, asks: 'host' },
  skc_to_tcp6_sock: castSocket,
  skc_to_tcp_sock: castSocket,
  skc_to_tcp_timewait_sock: castSocket,
  skc_to_tcp_request_sock: castSocket,
  skc_to_udp6_sock: castSocket,
  skc_to_unix_sock: castSocket,
  skc_to_mptcp_sock: castSocket,

  spin_lock: { args: ['spin_lock'], ret: 'void', changes: ['lock'] },
  spin_unlock: { args: ['spin_lock'], ret: 'void', changes: ['lock'] },
  timer_init: { args: ['timer', 'map', 'any'], ret: 'integer', gpl: true, changes: ['memory'], lacks: 'timers' },
  timer_set_callback: {
    args: ['timer', 'func'],
    ret: 'integer',
    gpl: true,
    calls: 'later',
    changes: ['memory'],
    lacks: 'timers',
  },
  timer_start: { args: ['timer', 'any', 'any'], ret: 'integer', gpl: true, changes: ['memory'], lacks: 'timers' },
  timer_cancel: { args: ['timer'], ret: 'integer', gpl: true, changes: ['memory'], lacks: 'timers' },

  per_cpu_ptr: { args: ['percpu ptr', 'any'], ret: 'ptr?', lacks: 'kernel pointers' },
  this_cpu_ptr: { args: ['percpu ptr'], ret: 'ptr', lacks: 'kernel pointers' },

  dynptr_from_mem: { args: ['mem out', 'size?', 'any', 'dynptr local new'], ret: 'integer' },
  dynptr_read: { args: ['mem out', 'size?', 'dynptr', 'any', 'any'], ret: 'integer' },
  dynptr_write: { args: ['dynptr', 'any', 'mem', 'size?', 'any'], ret: 'integer', changes: ['memory', 'packet'] },
  dynptr_data: { args: ['dynptr', 'any', 'alloc size'], ret: 'dynptr_mem?' },
  ringbuf_reserve_dynptr: {
    args: ['map', 'any', 'any', 'dynptr ringbuf new'],
    ret: 'integer',
    maps: ringBuffers,
    changes: ['records'],
  },
  ringbuf_submit_dynptr: { args: ['dynptr ringbuf release', 'any'], ret: 'void', changes: ['records'] },
  ringbuf_discard_dynptr: { args: ['dynptr ringbuf release', 'any'], ret: 'void', changes: ['records'] },

  copy_from_user: { args: ['mem out', 'size?', 'any'], ret: 'integer', sleeps: true, lacks: 'user memory' },
  copy_from_user_task: {
    args: ['mem out', 'size?', 'any', 'kernel ptr', 'any'],
    ret: 'integer',
    gpl: true,
    sleeps: true,
    lacks: 'user memory',
  },
  task_pt_regs: { args: ['kernel ptr'], ret: 'ptr', gpl: true, asks: 'task', lacks: 'tasks' },
};

/**
 * Helpers that Linux offers to XDP (found by loading a call of each) and of which there is no more to tell: storage of
 * tasks and cgroups, kernel pointers.
 */
const offeredOnly: ReadonlySet<HelperName> = new Set<HelperName>([
  'get_task_stack',
  'task_storage_get',
  'task_storage_delete',
  'find_vma',
  'kptr_xchg',
  'user_ringbuf_drain',
  'cgrp_storage_get',
  'cgrp_storage_delete',
]);

/** All rows, in the order of their numbers. */
export const helperRows: readonly HelperRow[] = helperNames.flatMap((name, number) => {
  const spec = specs[name];
  return spec === undefined ? [] : [Object.freeze({ ...spec, name, number })];
});

/** Engines ask by number, many times. */
const byNumber: readonly (HelperRow | undefined)[] = helperNames.map((name) =>
  helperRows.find((row) => row.name === name),
);

/** The row of helper `number`; undefined for a helper that XDP does not have, a kfunc, or no number of a helper. */
export function helperRow(number: number): HelperRow | undefined {
  return byNumber[number];
}

/** Does Linux offer helper `number` to XDP while jitnic has no implementation of it? */
export function isMissingHelper(number: number): boolean {
  const name = helperNames[number];
  const row = byNumber[number];
  if (name === undefined) return false;
  return offeredOnly.has(name) || row?.lacks !== undefined;
}

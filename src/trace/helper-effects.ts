/**
 * What each helper reads and changes, as far as a trace must know: which stack bytes to put into memory before the
 * call, and what is no longer known after it. A helper without a row is not traced.
 */

/**
 * One argument. `key` and `value` are as large as the map in argument 1 says; `mem` and `out` as the next argument
 * says. `printed` is a number, a pointer to what is printed, or a register that nothing has set (it is then 0);
 * `printed-list` points to such numbers and pointers.
 */
export type ArgKind =
  | 'any'
  | 'printed'
  | 'printed-list'
  | 'map'
  | 'key'
  | 'value'
  | 'out-value'
  | 'mem'
  | 'size'
  | 'out'
  | { readonly inout: number }
  | { readonly read: number };

export interface HelperEffects {
  readonly args: readonly ArgKind[];
  /** A function of what the packet brings along: may be evaluated early and shared. */
  readonly environment?: boolean;
  /** Changes something outside of the stack and its `out` arguments. */
  readonly visible?: boolean;
  /** Changes what look-ups in the map find, and its values. */
  readonly mutatesMap?: boolean;
  /** Changes packet bytes. */
  readonly writesPacket?: boolean;
  /** r0 is a pointer to memory of its own (a ring buffer record). */
  readonly returnsMemory?: boolean;
}

const environment: HelperEffects = { args: [], environment: true };

export const helperEffects: ReadonlyMap<number, HelperEffects> = new Map<number, HelperEffects>([
  [2, { args: ['map', 'key', 'value', 'any'], visible: true, mutatesMap: true }],
  [3, { args: ['map', 'key'], visible: true, mutatesMap: true }],
  [5, environment], // ktime_get_ns
  [6, { args: ['mem', 'size', 'printed', 'printed', 'printed'], visible: true }], // trace_printk
  [7, { args: [], visible: true }], // get_prandom_u32
  [8, environment], // get_smp_processor_id
  [14, environment], // get_current_pid_tgid
  [15, environment], // get_current_uid_gid
  [23, { args: ['any', 'any'], visible: true }], // redirect
  [25, { args: ['any', 'map', 'any', 'mem', 'size'], visible: true }], // perf_event_output
  [28, { args: ['mem', 'size', 'mem', 'size', 'any'] }], // csum_diff
  [35, environment], // get_current_task
  [42, environment], // get_numa_node_id
  [51, { args: ['map', 'any', 'any'], visible: true }], // redirect_map
  [69, { args: ['any', { inout: 64 }, 'any', 'any'] }], // fib_lookup
  [80, environment], // get_current_cgroup_id
  [84, { args: ['any', 'mem', 'size', 'any', 'any'], visible: true }], // sk_lookup_tcp
  [85, { args: ['any', 'mem', 'size', 'any', 'any'], visible: true }], // sk_lookup_udp
  [86, { args: ['any'], visible: true }], // sk_release
  [87, { args: ['map', 'value', 'any'], visible: true, mutatesMap: true }], // map_push_elem
  [88, { args: ['map', 'out-value'], visible: true, mutatesMap: true }], // map_pop_elem
  [89, { args: ['map', 'out-value'] }], // map_peek_elem
  [93, { args: ['any'], visible: true }], // spin_lock
  [94, { args: ['any'], visible: true }], // spin_unlock
  [99, { args: ['any', 'mem', 'size', 'any', 'any'], visible: true }], // skc_lookup_tcp
  [100, { args: ['any', 'mem', 'size', 'mem', 'size'] }], // tcp_check_syncookie
  [110, { args: ['any', 'mem', 'size', 'mem', 'size'] }], // tcp_gen_syncookie
  [118, environment], // jiffies64
  [125, environment], // ktime_get_boot_ns
  [130, { args: ['map', 'mem', 'size', 'any'], visible: true }], // ringbuf_output
  [131, { args: ['map', 'any', 'any'], visible: true, returnsMemory: true }], // ringbuf_reserve
  [132, { args: ['any', 'any'], visible: true }], // ringbuf_submit
  [133, { args: ['any', 'any'], visible: true }], // ringbuf_discard
  [134, { args: ['map', 'any'] }], // ringbuf_query
  [160, environment], // ktime_get_coarse_ns
  [163, { args: ['any', 'any', { inout: 4 }, 'any', 'any'] }], // check_mtu
  [177, { args: ['mem', 'size', 'printed-list', 'size'], visible: true }], // trace_vprintk
  [182, { args: ['mem', 'size', { read: 0 }] }], // strncmp
  [188, { args: ['any'] }], // xdp_get_buff_len
  [189, { args: ['any', 'any', 'out', 'size'] }], // xdp_load_bytes
  [190, { args: ['any', 'any', 'mem', 'size'], visible: true, writesPacket: true }], // xdp_store_bytes
  [195, { args: ['map', 'key', 'any'] }], // map_lookup_percpu_elem
  [204, { args: [{ read: 20 }, { read: 20 }, 'size'] }], // tcp_raw_gen_syncookie_ipv4
  [205, { args: [{ read: 40 }, { read: 20 }, 'size'] }], // tcp_raw_gen_syncookie_ipv6
  [206, { args: [{ read: 20 }, { read: 20 }] }], // tcp_raw_check_syncookie_ipv4
  [207, { args: [{ read: 40 }, { read: 20 }] }], // tcp_raw_check_syncookie_ipv6
  [208, environment], // ktime_get_tai_ns
]);

/**
 * What a call hands over, by the prototypes of the platform: which registers, which bytes behind them, what it may
 * change. A helper without a prototype here (of another program type) may do anything with what it is given.
 */
import { type ArgClass, type HelperProto, helperNames, registersRead, xdpHelpers } from '../../platform/index.js';

/** A call as both versions must make it. */
export interface CallShape {
  /** Equal for calls of the same function. */
  readonly id: string;
  /** Undefined: unknown prototype. */
  readonly args: readonly ArgClass[] | undefined;
  readonly result: HelperProto['ret'];
  /** Sees nothing of the packet, maps and context, and changes nothing of them. */
  readonly isBlind: boolean;
  /** The result depends on the key and the state of the map only, and nobody can tell that the call was made. */
  readonly isLookup: boolean;
  readonly movesPacket: boolean;
  readonly writesPacket: boolean;
  readonly writesMaps: boolean;
}

/** Helpers that look at nothing but their arguments and the environment. */
const blind: ReadonlySet<string> = new Set([
  'ktime_get_ns',
  'ktime_get_boot_ns',
  'ktime_get_coarse_ns',
  'ktime_get_tai_ns',
  'jiffies64',
  'get_prandom_u32',
  'get_smp_processor_id',
  'get_numa_node_id',
  'get_current_pid_tgid',
  'get_current_uid_gid',
  'get_current_task',
  'get_current_cgroup_id',
  'get_current_comm',
  'get_cgroup_classid',
  'trace_printk',
  'trace_vprintk',
]);

/** Helpers that see packet, maps and context, and leave them as they are. */
const readers: ReadonlySet<string> = new Set([
  'map_lookup_percpu_elem',
  'redirect',
  'redirect_map',
  'csum_diff',
  'fib_lookup',
  'check_mtu',
  'xdp_get_buff_len',
  'xdp_load_bytes',
  'perf_event_output',
  'ringbuf_output',
  'ringbuf_reserve',
  'ringbuf_submit',
  'ringbuf_discard',
  'ringbuf_query',
  'sk_lookup_tcp',
  'sk_lookup_udp',
  'skc_lookup_tcp',
  'sk_release',
  'tcp_check_syncookie',
  'tcp_gen_syncookie',
  'tcp_raw_gen_syncookie_ipv4',
  'tcp_raw_gen_syncookie_ipv6',
  'tcp_raw_check_syncookie_ipv4',
  'tcp_raw_check_syncookie_ipv6',
  'probe_read_kernel',
  'probe_read_user',
  'probe_read_kernel_str',
  'probe_read_user_str',
  'snprintf',
  'strncmp',
  'strtol',
  'strtoul',
  'perf_event_read',
  'perf_event_read_value',
]);

/** Helpers that write the packet and leave it where it is. */
const packetWriters: ReadonlySet<string> = new Set(['xdp_store_bytes']);

/** Helpers of other program types whose arguments are those of an XDP helper or as simple. */
const likeOthers: Readonly<Record<string, HelperProto>> = {
  probe_read: { args: ['mem out', 'size?', 'any'], ret: 'integer' },
  probe_read_str: { args: ['mem out', 'size?', 'any'], ret: 'integer' },
};

/** The call of helper `number`. */
export function helperShape(number: number): CallShape {
  const name = helperNames[number];
  const proto = name === undefined ? undefined : (xdpHelpers[name] ?? likeOthers[name]);
  if (name === undefined || proto === undefined) return anyCall(`helper ${number}`);
  const reads = readers.has(name) || name in likeOthers;
  const harmless = blind.has(name) || reads || name === 'map_lookup_elem';
  return {
    id: `helper ${number}`,
    // bpf_trace_printk takes more than its prototype says.
    args: proto.args.length < registersRead(number) ? [...proto.args, 'any', 'any', 'any'] : proto.args,
    result: proto.ret,
    isBlind: blind.has(name),
    isLookup: name === 'map_lookup_elem',
    movesPacket: proto.movesPacket === true,
    writesPacket: proto.movesPacket === true || packetWriters.has(name),
    writesMaps: !harmless && !packetWriters.has(name) && proto.movesPacket !== true,
  };
}

/** A call of which nothing is known but what it is given. */
export function anyCall(id: string): CallShape {
  return {
    id,
    args: undefined,
    result: 'integer',
    isBlind: false,
    isLookup: false,
    movesPacket: true,
    writesPacket: true,
    writesMaps: true,
  };
}

/**
 * The helpers that an XDP program may call, by number: what xdp_func_proto and bpf_base_func_proto offer
 * (net/core/filter.c and kernel/bpf/helpers.c), and how each is done here.
 */
import { helperNames } from '../../platform/index.js';
import { csumDiff } from './checksum-helpers.js';
import { loop, refuseProbeRead, spinLock, spinUnlock, strncmp, tailCall } from './control-helpers.js';
import {
  getNumaNodeId,
  getPrandomU32,
  getSmpProcessorId,
  idleTask,
  jiffies64,
  ktimeGetCoarseNs,
  ktimeGetNs,
  ktimeGetTaiNs,
} from './environment-helpers.js';
import { checkMtu, fibLookup } from './fib-helpers.js';
import type { Helper } from './helper.js';
import {
  forEachMapElem,
  mapDelete,
  mapLookup,
  mapLookupPercpu,
  mapPeek,
  mapPop,
  mapPush,
  mapUpdate,
} from './map-helpers.js';
import {
  perfEventOutput,
  ringbufDiscard,
  ringbufOutput,
  ringbufQuery,
  ringbufReserve,
  ringbufSubmit,
  snprintf,
  tracePrintk,
  traceVprintk,
} from './output-helpers.js';
import {
  redirect,
  redirectMap,
  xdpAdjustHead,
  xdpAdjustMeta,
  xdpAdjustTail,
  xdpGetBuffLen,
  xdpLoadBytes,
  xdpStoreBytes,
} from './packet-helpers.js';
import {
  skcLookupTcp,
  skLookupTcp,
  skLookupUdp,
  skRelease,
  tcpCheckSyncookie,
  tcpGenSyncookie,
  tcpRawCheckSyncookieIpv4,
  tcpRawCheckSyncookieIpv6,
  tcpRawGenSyncookieIpv4,
  tcpRawGenSyncookieIpv6,
} from './socket-helpers.js';

/** Number of bpf_tail_call, which engines treat on their own. */
export const tailCallHelper = 12;

const table: readonly (readonly [number, Helper])[] = [
  [1, mapLookup],
  [2, mapUpdate],
  [3, mapDelete],
  [5, ktimeGetNs],
  [6, tracePrintk],
  [7, getPrandomU32],
  [8, getSmpProcessorId],
  [tailCallHelper, tailCall],
  [14, idleTask],
  [15, idleTask],
  [23, redirect],
  [25, perfEventOutput],
  [28, csumDiff],
  [35, idleTask],
  [42, getNumaNodeId],
  [44, xdpAdjustHead],
  [51, redirectMap],
  [54, xdpAdjustMeta],
  [65, xdpAdjustTail],
  [69, fibLookup],
  [80, idleTask],
  [84, skLookupTcp],
  [85, skLookupUdp],
  [86, skRelease],
  [87, mapPush],
  [88, mapPop],
  [89, mapPeek],
  [93, spinLock],
  [94, spinUnlock],
  [99, skcLookupTcp],
  [100, tcpCheckSyncookie],
  [110, tcpGenSyncookie],
  [112, refuseProbeRead],
  [113, refuseProbeRead],
  [114, refuseProbeRead],
  [115, refuseProbeRead],
  [118, jiffies64],
  [125, ktimeGetNs],
  [130, ringbufOutput],
  [131, ringbufReserve],
  [132, ringbufSubmit],
  [133, ringbufDiscard],
  [134, ringbufQuery],
  [160, ktimeGetCoarseNs],
  [163, checkMtu],
  [164, forEachMapElem],
  [165, snprintf],
  [177, traceVprintk],
  [181, loop],
  [182, strncmp],
  [188, xdpGetBuffLen],
  [189, xdpLoadBytes],
  [190, xdpStoreBytes],
  [195, mapLookupPercpu],
  [204, tcpRawGenSyncookieIpv4],
  [205, tcpRawGenSyncookieIpv6],
  [206, tcpRawCheckSyncookieIpv4],
  [207, tcpRawCheckSyncookieIpv6],
  [208, ktimeGetTaiNs],
];

const byNumber: (Helper | undefined)[] = [];
for (const [id, helper] of table) byNumber[id] = helper;

/** Helpers that Linux offers to XDP and that are missing here. */
const missing: ReadonlySet<string> = new Set([
  'timer_init',
  'timer_set_callback',
  'timer_start',
  'timer_cancel',
  'kptr_xchg',
  'user_ringbuf_drain',
  'per_cpu_ptr',
  'this_cpu_ptr',
  'get_current_task_btf',
  'task_pt_regs',
  'snprintf_btf',
  'skc_to_tcp6_sock',
  'skc_to_tcp_sock',
  'skc_to_tcp_timewait_sock',
  'skc_to_tcp_request_sock',
  'skc_to_udp6_sock',
  'skc_to_unix_sock',
  'skc_to_mptcp_sock',
]);

/** The function of helper `id`, or undefined if XDP programs have no such helper here. */
export function findHelper(id: number): Helper | undefined {
  return byNumber[id];
}

/** Why helper `id` is refused, in the kernel's words where the kernel refuses it too. */
export function helperRefusal(id: number): string {
  const name = id > 0 ? helperNames[id] : undefined;
  if (name === undefined) return `invalid func unknown#${id}`;
  if (missing.has(name)) return `helper bpf_${name}#${id} is not supported`;
  return `program of this type cannot use helper bpf_${name}#${id}`;
}

/** How each helper of the table (`platform/helper-table.ts`) is done here. */
import { type HelperName, helperNames, isMissingHelper, probeStep } from '../../platform/index.js';
import { csumDiff } from './checksum-helpers.js';
import { loop, refuseProbeRead, spinLock, spinUnlock, tailCall } from './control-helpers.js';
import {
  dynptrData,
  dynptrFromMem,
  dynptrRead,
  dynptrWrite,
  ringbufDiscardDynptr,
  ringbufReserveDynptr,
  ringbufSubmitDynptr,
} from './dynptr-helpers.js';
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
import { kfuncs } from './kfuncs.js';
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
import { probeRead } from './probe.js';
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
import { getCurrentComm, strncmp, strtol, strtoul } from './string-helpers.js';
import { walkHelpers } from './walk-helpers.js';

/**
 * Implementations by the name of the helper's row. The compiler knows the names; that each row without `lacks` has
 * one, and no other, is a test's business (helper-table.test.ts).
 */
const implementations: Readonly<Partial<Record<HelperName, Helper>>> = {
  map_lookup_elem: mapLookup,
  map_update_elem: mapUpdate,
  map_delete_elem: mapDelete,
  ktime_get_ns: ktimeGetNs,
  trace_printk: tracePrintk,
  get_prandom_u32: getPrandomU32,
  get_smp_processor_id: getSmpProcessorId,
  tail_call: tailCall,
  get_current_pid_tgid: idleTask,
  get_current_uid_gid: idleTask,
  get_current_comm: getCurrentComm,
  redirect,
  perf_event_output: perfEventOutput,
  csum_diff: csumDiff,
  get_current_task: idleTask,
  get_numa_node_id: getNumaNodeId,
  xdp_adjust_head: xdpAdjustHead,
  redirect_map: redirectMap,
  xdp_adjust_meta: xdpAdjustMeta,
  xdp_adjust_tail: xdpAdjustTail,
  fib_lookup: fibLookup,
  get_current_cgroup_id: idleTask,
  sk_lookup_tcp: skLookupTcp,
  sk_lookup_udp: skLookupUdp,
  sk_release: skRelease,
  map_push_elem: mapPush,
  map_pop_elem: mapPop,
  map_peek_elem: mapPeek,
  spin_lock: spinLock,
  spin_unlock: spinUnlock,
  skc_lookup_tcp: skcLookupTcp,
  tcp_check_syncookie: tcpCheckSyncookie,
  strtol,
  strtoul,
  tcp_gen_syncookie: tcpGenSyncookie,
  probe_read_user: refuseProbeRead,
  probe_read_kernel: refuseProbeRead,
  probe_read_user_str: refuseProbeRead,
  probe_read_kernel_str: refuseProbeRead,
  jiffies64,
  ktime_get_boot_ns: ktimeGetNs,
  ringbuf_output: ringbufOutput,
  ringbuf_reserve: ringbufReserve,
  ringbuf_submit: ringbufSubmit,
  ringbuf_discard: ringbufDiscard,
  ringbuf_query: ringbufQuery,
  ktime_get_coarse_ns: ktimeGetCoarseNs,
  check_mtu: checkMtu,
  for_each_map_elem: forEachMapElem,
  snprintf,
  trace_vprintk: traceVprintk,
  loop,
  strncmp,
  xdp_get_buff_len: xdpGetBuffLen,
  xdp_load_bytes: xdpLoadBytes,
  xdp_store_bytes: xdpStoreBytes,
  map_lookup_percpu_elem: mapLookupPercpu,
  dynptr_from_mem: dynptrFromMem,
  ringbuf_reserve_dynptr: ringbufReserveDynptr,
  ringbuf_submit_dynptr: ringbufSubmitDynptr,
  ringbuf_discard_dynptr: ringbufDiscardDynptr,
  dynptr_read: dynptrRead,
  dynptr_write: dynptrWrite,
  dynptr_data: dynptrData,
  tcp_raw_gen_syncookie_ipv4: tcpRawGenSyncookieIpv4,
  tcp_raw_gen_syncookie_ipv6: tcpRawGenSyncookieIpv6,
  tcp_raw_check_syncookie_ipv4: tcpRawCheckSyncookieIpv4,
  tcp_raw_check_syncookie_ipv6: tcpRawCheckSyncookieIpv6,
  ktime_get_tai_ns: ktimeGetTaiNs,
};

const byNumber: readonly (Helper | undefined)[] = helperNames.map((name) => implementations[name]);

/** The function of helper `id`, or undefined if XDP programs have no such helper here. */
export function findHelper(id: number): Helper | undefined {
  return byNumber[id] ?? kfuncs.get(id);
}

const ofEngines: ReadonlyMap<number, Helper> = new Map([...walkHelpers, [probeStep, probeRead]]);

/** As {@link findHelper}; besides, what only engines call: platform/engine-helpers.ts. */
export function engineHelper(id: number): Helper | undefined {
  return findHelper(id) ?? ofEngines.get(id);
}

/** Why helper `id` is refused, in the kernel's words where the kernel refuses it too. */
export function helperRefusal(id: number): string {
  const name = id > 0 ? helperNames[id] : undefined;
  if (name === undefined) return `invalid func unknown#${id}`;
  if (isMissingHelper(id)) return `helper bpf_${name}#${id} is not supported`;
  return `program of this type cannot use helper bpf_${name}#${id}`;
}

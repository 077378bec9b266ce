/**
 * The helpers that an XDP program may call, by number: what xdp_func_proto and bpf_base_func_proto offer
 * (net/core/filter.c and kernel/bpf/helpers.c), and how each is done here.
 */
import { helperNames, tailCallHelper } from '../../platform/index.js';
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
  [16, getCurrentComm],
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
  [105, strtol],
  [106, strtoul],
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
  [197, dynptrFromMem],
  [198, ringbufReserveDynptr],
  [199, ringbufSubmitDynptr],
  [200, ringbufDiscardDynptr],
  [201, dynptrRead],
  [202, dynptrWrite],
  [203, dynptrData],
  [204, tcpRawGenSyncookieIpv4],
  [205, tcpRawGenSyncookieIpv6],
  [206, tcpRawCheckSyncookieIpv4],
  [207, tcpRawCheckSyncookieIpv6],
  [208, ktimeGetTaiNs],
];

const byNumber: (Helper | undefined)[] = [];
for (const [id, helper] of table) byNumber[id] = helper;

/**
 * Helpers that Linux 6.18 offers to XDP (found by loading a call of each) and that are missing here: they are about
 * tasks, perf counters, timers or kernel pointers.
 */
const missing: ReadonlySet<number> = new Set([
  17, 22, 37, 55, 109, 117, 120, 123, 136, 137, 138, 139, 140, 141, 148, 149, 153, 154, 156, 157, 158, 169, 170, 171,
  172, 175, 176, 178, 180, 191, 194, 196, 209, 210, 211,
]);

/** The function of helper `id`, or undefined if XDP programs have no such helper here. */
export function findHelper(id: number): Helper | undefined {
  return byNumber[id] ?? kfuncs.get(id);
}

const ofEngines: ReadonlyMap<number, Helper> = new Map(walkHelpers);

/** As {@link findHelper}; besides, what only engines call: see walk-helpers.ts. */
export function engineHelper(id: number): Helper | undefined {
  return findHelper(id) ?? ofEngines.get(id);
}

/** Why helper `id` is refused, in the kernel's words where the kernel refuses it too. */
export function helperRefusal(id: number): string {
  const name = id > 0 ? helperNames[id] : undefined;
  if (name === undefined) return `invalid func unknown#${id}`;
  if (missing.has(id)) return `helper bpf_${name}#${id} is not supported`;
  return `program of this type cannot use helper bpf_${name}#${id}`;
}

/**
 * The firmware that cards of Netronome's kind have here. No primary source describes it: all of it is assumed. What
 * the driver's sources fix is the form (fw.h, nfp_net_ctrl.h), not the numbers. So all numbers stand in this one file.
 */
import { helperId, mapTypeNumber } from '../../platform/index.js';
import { adjustHeadNoMeta, type Capabilities } from '../capabilities.js';

/** Registers that say what the firmware takes (NFP_NET_CFG_BPF_*). */
export interface FirmwareLimits {
  /** Bytes of stack: STACK_SZ, in units of 64. */
  readonly stackSize: number;
  /** Instructions of a program: MAX_LEN. */
  readonly maxInstructions: number;
  /** Bytes of a packet that the cores see before the split: 64 INL_MTU - 32. */
  readonly inlineMtu: number;
  /** A program may be exchanged while packets run through it: CAP_RELO. */
  readonly liveReload: boolean;
}

/** What the firmware says of itself. Addresses are those that the driver's samples have. */
export const firmwareCapabilities: Capabilities = {
  functions: new Map([
    [helperId.map_lookup_elem, 0x0f00],
    [helperId.map_update_elem, 0x0f40],
    [helperId.map_delete_elem, 0x0f80],
    [helperId.perf_event_output, 0x0fc0],
  ]),
  // Bytes. 46 is the shortest frame without its header, so that much can always be taken.
  adjustHead: { flags: adjustHeadNoMeta, offMin: 64, offMax: 240, guaranteedSub: 64, guaranteedAdd: 46 },
  maps: {
    types: (1 << mapTypeNumber('array')) | (1 << mapTypeNumber('hash')),
    maxMaps: 256,
    maxElems: 3_000_000,
    maxKeySize: 64,
    maxValueSize: 64,
    maxElemSize: 128,
  },
  random: true,
  queueSelect: true,
  adjustTail: true,
  abiVersion: 3,
  multiEntry: true,
};

/** The registers, for a card that holds so many instructions. */
export function firmwareLimits(maxInstructions: number): FirmwareLimits {
  return { stackSize: 512, maxInstructions, inlineMtu: 2048 - 32, liveReload: true };
}

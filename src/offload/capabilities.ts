/**
 * What a card's firmware can do, as it tells the driver: a list of TLVs (type, length, value; little-endian words), as
 * the driver for Netronome's cards reads them (nfp/bpf/fw.h and main.c of Linux 6.1). A capability that is not there
 * is not had, so each can be switched off to see what becomes of a program.
 *
 * Types that the driver does not know are skipped, so that old drivers get on with new firmware. A known one that is
 * longer than expected is read as far as it is known; one that is shorter makes the whole list invalid. A type that
 * comes twice counts as it came last, but for FUNC, which comes once for each helper.
 *
 *     | type u32 | length u32 | value, `length` bytes | ...
 *
 *     1 FUNC          func_id, func_addr                 4 RANDOM          (empty)
 *     2 ADJUST_HEAD   flags, off_min, off_max,           5 QUEUE_SELECT    (empty)
 *                     guaranteed_sub, guaranteed_add     6 ADJUST_TAIL     (empty)
 *     3 MAPS          types, max_maps, max_elems,        7 ABI_VERSION     version
 *                     max_key_sz, max_val_sz,            8 CMSG_MULTI_ENT  (empty)
 *                     max_elem_sz
 */
import { helperId } from '../platform/index.js';

/** Bounds of bpf_xdp_adjust_head: where data may begin, and by how much it may move without a check. */
export interface AdjustHead {
  /** Bit 0: metadata need not be moved along. */
  readonly flags: number;
  /** Bytes from the start of the buffer; offMax 0: no adjust_head at all. */
  readonly offMin: number;
  readonly offMax: number;
  /** Bytes that can always be given in front, and bytes that can always be taken. */
  readonly guaranteedSub: number;
  readonly guaranteedAdd: number;
}

/** Limits of maps on the card. */
export interface MapLimits {
  /** Bit i: maps of type i (BPF_MAP_TYPE_*). */
  readonly types: number;
  readonly maxMaps: number;
  /** Of all maps together. */
  readonly maxElems: number;
  /** This and all below: bytes. */
  readonly maxKeySize: number;
  readonly maxValueSize: number;
  /** Key and value, each rounded up to 8. */
  readonly maxElemSize: number;
}

/** What the driver knows of a card once it has read the list. */
export interface Capabilities {
  /** Address of the firmware's routine by the helper's number; 0 or missing: it has none. */
  readonly functions: ReadonlyMap<number, number>;
  readonly adjustHead: AdjustHead;
  readonly maps: MapLimits;
  readonly random: boolean;
  /** A program may write rx_queue_index of its context. */
  readonly queueSelect: boolean;
  readonly adjustTail: boolean;
  /** 0: one that the driver does not know. */
  readonly abiVersion: number;
  /** Several elements in one message. */
  readonly multiEntry: boolean;
}

/** Names by which capabilities are switched off, with what is then missing. */
export const capabilityNames = [
  'map_lookup',
  'map_update',
  'map_delete',
  'perf_event_output',
  'adjust_head',
  'maps',
  'random',
  'queue_select',
  'adjust_tail',
  'multi_entry',
] as const;

/** A capability that can be switched off. */
export type CapabilityName = (typeof capabilityNames)[number];

/** Bit 0 of adjust_head's flags: NFP_BPF_ADJUST_HEAD_NO_META. */
export const adjustHeadNoMeta = 1;

const noAdjustHead: AdjustHead = { flags: 0, offMin: 0, offMax: 0, guaranteedSub: 0, guaranteedAdd: 0 };
const noMaps: MapLimits = { types: 0, maxMaps: 0, maxElems: 0, maxKeySize: 0, maxValueSize: 0, maxElemSize: 0 };

/** What is known before the list is read: the first version of the interface, and nothing else. */
export const noCapabilities: Capabilities = {
  functions: new Map(),
  adjustHead: noAdjustHead,
  maps: noMaps,
  random: false,
  queueSelect: false,
  adjustTail: false,
  // The list of the oldest firmware does not tell its version (nfp_bpf_init_capabilities).
  abiVersion: 2,
  multiEntry: false,
};

/** enum bpf_cap_tlv_type. */
const types = { func: 1, adjustHead: 2, maps: 3, random: 4, queueSelect: 5, adjustTail: 6, abi: 7, multi: 8 } as const;

/** Largest number that fits the immediate of an unrestricted operand (UR_REG_IMM_MAX). */
const immediateMax = 0xff;

/** Helpers whose routines the list names; the address of any other is skipped. */
const named: readonly number[] = [
  helperId.map_lookup_elem,
  helperId.map_update_elem,
  helperId.map_delete_elem,
  helperId.perf_event_output,
];

/** What came of a list: capabilities, and what the driver writes to the kernel's log while it reads. */
export interface ParsedCapabilities {
  /** Undefined: the list is refused (EINVAL), and the card is no card for programs. */
  readonly capabilities: Capabilities | undefined;
  readonly log: readonly string[];
}

/**
 * Reads a list as the driver does (nfp_bpf_parse_capabilities). Refused is a value that runs past the end, one that is
 * too short, and bytes at the end that make no TLV: each means that driver and firmware disagree about the layout.
 */
export function parseCapabilities(bytes: Uint8Array): ParsedCapabilities {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const log: string[] = [];
  let found: Capabilities | undefined = noCapabilities;
  let at = 0;
  while (found !== undefined && at + 8 <= bytes.length) {
    const type = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    const value = at + 8;
    at = value + length;
    if (at > bytes.length) found = undefined;
    else found = readOne(found, type, new DataView(view.buffer, view.byteOffset + value, length), log);
  }
  if (found !== undefined && at !== bytes.length) {
    log.push(`BPF capabilities left after parsing, parsed:${at} total length:${bytes.length}`);
    found = undefined;
  }
  if (found === undefined) log.push(`invalid BPF capabilities at offset:${at}`);
  return { capabilities: found, log };
}

/** Undefined: the value is one that the driver refuses. */
function readOne(known: Capabilities, type: number, value: DataView, log: string[]): Capabilities | undefined {
  const word = (i: number): number => value.getUint32(4 * i, true);
  const isShort = (words: number, name: string): boolean => {
    if (value.byteLength >= 4 * words) return false;
    log.push(`truncated ${name} TLV: ${value.byteLength}`);
    return true;
  };
  switch (type) {
    case types.func:
      if (isShort(2, 'function')) return undefined;
      if (!named.includes(word(0))) return known;
      return { ...known, functions: new Map([...known.functions, [word(0), word(1)]]) };
    case types.adjustHead:
      if (isShort(5, 'adjust_head')) return undefined;
      return readAdjustHead(known, [0, 1, 2, 3, 4].map(word), log);
    // No bounds are checked here: a nonsensical one refuses maps later, when one is made.
    case types.maps: {
      if (isShort(6, 'maps')) return undefined;
      const [typeBits, maxMaps, maxElems, maxKeySize, maxValueSize, maxElemSize] = [0, 1, 2, 3, 4, 5].map(word);
      const maps = { types: typeBits, maxMaps, maxElems, maxKeySize, maxValueSize, maxElemSize };
      return { ...known, maps: maps as MapLimits };
    }
    case types.random:
      return { ...known, random: true };
    case types.queueSelect:
      return { ...known, queueSelect: true };
    case types.adjustTail:
      return { ...known, adjustTail: true };
    case types.multi:
      return { ...known, multiEntry: true };
    case types.abi: {
      if (isShort(1, 'ABI version')) return undefined;
      if (word(0) >= 2 && word(0) <= 3) return { ...known, abiVersion: word(0) };
      // The card stays usable for all else; programs are refused when they are attached (EINVAL).
      log.push(`unsupported BPF ABI version: ${word(0) | 0}`);
      return { ...known, abiVersion: 0 };
    }
    default:
      return known;
  }
}

/**
 * Bounds that contradict each other refuse the list. Bounds that do not fit an immediate only switch the helper off:
 * the code that would check them could not be emitted (nfp_bpf_parse_cap_adjust_head).
 */
function readAdjustHead(known: Capabilities, words: readonly number[], log: string[]): Capabilities | undefined {
  const [flags = 0, offMin = 0, offMax = 0, guaranteedSub = 0, guaranteedAdd = 0] = words;
  if (offMin > offMax) {
    log.push('invalid adjust_head TLV: min > max');
    return undefined;
  }
  if (offMax > immediateMax) {
    log.push('disabling adjust_head - driver expects min/max to fit in as immediates');
    return { ...known, adjustHead: noAdjustHead };
  }
  return { ...known, adjustHead: { flags, offMin, offMax, guaranteedSub, guaranteedAdd } };
}

/** The list that a firmware with these capabilities has. One that is absent has no TLV: zeros would be a value. */
export function encodeCapabilities(has: Capabilities): Uint8Array {
  const words: number[] = [];
  const add = (type: number, ...value: readonly number[]): void => {
    words.push(type, 4 * value.length, ...value);
  };
  for (const [helper, address] of has.functions) add(types.func, helper, address);
  const { adjustHead: head, maps } = has;
  if (head.offMax > 0)
    add(types.adjustHead, head.flags, head.offMin, head.offMax, head.guaranteedSub, head.guaranteedAdd);
  if (maps.types !== 0) {
    const { maxMaps, maxElems, maxKeySize, maxValueSize, maxElemSize } = maps;
    add(types.maps, maps.types, maxMaps, maxElems, maxKeySize, maxValueSize, maxElemSize);
  }
  if (has.random) add(types.random);
  if (has.queueSelect) add(types.queueSelect);
  if (has.adjustTail) add(types.adjustTail);
  add(types.abi, has.abiVersion);
  if (has.multiEntry) add(types.multi);
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  for (const [i, each] of words.entries()) view.setUint32(4 * i, each, true);
  return bytes;
}

/** The same firmware with some of it missing. */
export function without(has: Capabilities, off: readonly CapabilityName[]): Capabilities {
  const is = (name: CapabilityName): boolean => off.includes(name);
  const gone = new Map<number, CapabilityName>([
    [helperId.map_lookup_elem, 'map_lookup'],
    [helperId.map_update_elem, 'map_update'],
    [helperId.map_delete_elem, 'map_delete'],
    [helperId.perf_event_output, 'perf_event_output'],
  ]);
  return {
    ...has,
    functions: new Map([...has.functions].filter(([id]) => !off.some((name) => gone.get(id) === name))),
    adjustHead: is('adjust_head') ? noAdjustHead : has.adjustHead,
    maps: is('maps') ? noMaps : has.maps,
    random: has.random && !is('random'),
    queueSelect: has.queueSelect && !is('queue_select'),
    adjustTail: has.adjustTail && !is('adjust_tail'),
    multiEntry: has.multiEntry && !is('multi_entry'),
  };
}

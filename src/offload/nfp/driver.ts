/**
 * The driver for Netronome's cards (drivers/net/ethernet/netronome/nfp/bpf/offload.c and main.c of Linux 6.1): what
 * its firmware says it can do bounds programs and maps; the code is made by the compiler of `nic/manycore`.
 *
 * A program is judged three times, by what is known then. While it is verified: what no core can do (`verifier.ts`).
 * When it is translated: the length of its code. When it is attached: what depends on the network device, such as its
 * MTU. Errors follow: EINVAL is a wrong program, EOPNOTSUPP a card that can't, ENOMEM or ENOSPC one that is full, and
 * EBUSY one that could if something else were taken off first.
 */
import { formatInsn } from '../../isa/index.js';
import { compileManycore, formatManycore, imageOf, numberOf, shippedCard } from '../../nic/index.js';
import { type ErrnoName, mapTypeNumber } from '../../platform/index.js';
import type { ProgramFacts } from '../../verifier/index.js';
import { type Capabilities, without } from '../capabilities.js';
import type { DeviceLoad, DeviceMapOps, Driver, Prepared, Translation } from '../driver.js';
import { type Element, Elements } from '../elements.js';
import type { DeviceRecord, MapRecord, Model, NetdevRecord, ProgRecord } from '../model.js';
import { OffloadRefusal } from '../refusal.js';
import { type FirmwareLimits, firmwareCapabilities, firmwareLimits } from './firmware.js';
import { type MapUse, recordValue, swapCounters } from './map-use.js';
import { type InsnMeta, NfpVerifier } from './verifier.js';

/** Capabilities of a card as they are switched. */
export function capabilitiesOf({ off }: DeviceRecord): Capabilities {
  return without(firmwareCapabilities, off);
}

/** Registers of a card. One that is not known has room for no instruction, so that all is refused rather than none. */
export function limitsOf({ card }: DeviceRecord): FirmwareLimits {
  const model = shippedCard(card);
  return firmwareLimits(model === undefined ? 0 : numberOf(model, 'limits.instructions'));
}

/** Bytes of an element on the card: key and value in whole words of 8. */
export function elementSize({ keySize, valueSize }: Pick<MapRecord, 'keySize' | 'valueSize'>): number {
  return Math.ceil(keySize / 8) * 8 + Math.ceil(valueSize / 8) * 8;
}

/**
 * Longest packet that a program in the driver gets: a page with what goes around it. Bytes: 14 and 8 for
 * the Ethernet header and two VLAN tags, 256 of headroom for the program, 320 for the skb's shared part, 64 in front.
 */
const driverMtu = 4096 - 14 - 8 - 256 - 320 - 64;

/** A refusal in the words of NL_SET_ERR_MSG_MOD, which have the name of the module before them. */
function refuse(errno: ErrnoName, text?: string, hint?: string): never {
  throw new OffloadRefusal('attach', errno, {
    extack: text === undefined ? undefined : `nfp: ${text}`,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What maps take of a card, beside what there is. */
export interface DeviceMemory {
  readonly maps: number;
  readonly elements: number;
  readonly bytes: number;
}

/** Memory that maps of a card take; elements count whether they are there or not, as in the driver. */
export function memoryOf(model: Model, device: string): DeviceMemory {
  const maps = model.mapsOn(device);
  return {
    maps: maps.length,
    elements: maps.reduce((sum, { maxEntries }) => sum + maxEntries, 0),
    bytes: maps.reduce((sum, map) => sum + map.maxEntries * elementSize(map), 0),
  };
}

/**
 * What the verifier found out about what the JIT does not have to translate, as facts of the compiler: an instruction
 * that was taken out is one that no path reaches, a jump that was wired is one that goes one way.
 */
function narrowed(facts: ProgramFacts | undefined, metas: readonly InsnMeta[]): ProgramFacts | undefined {
  if (facts === undefined) return undefined;
  const insns = facts.insns.map((fact, pc) => {
    const meta = metas[pc];
    if (meta?.removed === true) return { ...fact, reached: false };
    if (meta?.hardWired === undefined) return fact;
    const goesOn = meta.hardWired === pc + 1;
    return { ...fact, taken: !goesOn, fallThrough: goesOn };
  });
  return { insns };
}

/**
 * nfp_bpf_translate. EINVAL: what Linux rewrote is not what the driver saw, so its code would be of another program.
 * EOPNOTSUPP: something has no translation; of several the first in the program is told. ENOSPC: the code is too long.
 */
function translate(load: DeviceLoad, nfp: NfpVerifier, facts: ProgramFacts | undefined): Translation {
  const { program, device, mapIds } = load;
  const fail = (errno: ErrnoName, hint: string): never => {
    throw new OffloadRefusal('load program', errno, { hint });
  };
  if (nfp.optFailed) fail('EINVAL', 'an optimization of Linux could not be followed: see the log');
  const made = compileManycore(program.insns, { facts: narrowed(facts, nfp.metas) });
  if (made.kind === 'refused') return fail('EOPNOTSUPP', `insn ${made.insn}: ${made.what}`);
  const [beyond] = [...made.extensions].sort(([, a], [, b]) => a - b);
  if (beyond !== undefined) fail('EOPNOTSUPP', `insn ${beyond[1]}: the driver does not translate ${beyond[0]}`);
  const { maxInstructions } = limitsOf(device);
  if (made.code.length > maxInstructions)
    fail('ENOSPC', `instruction limit reached (${made.code.length} NFP instructions), the card has ${maxInstructions}`);
  const names = (slot: number): string =>
    formatInsn(program.insns, slot, 'kernel', { map: (index) => `map[id:${mapIds[index] ?? 0}]` });
  return {
    image: imageOf(made).map((word) => word.toString(16).padStart(16, '0')),
    slots: made.slots,
    listing: formatManycore(made, names).trimEnd().split('\n'),
    maxPacketOffset: nfp.maxPacketOffset,
    stackSize: nfp.stackUsed,
  };
}

/** The one driver of this kind. */
export const nfp: Driver = {
  mapTypes: new Set(['array', 'hash']),

  prepare(load: DeviceLoad): Prepared {
    const { device, program, uses, isClassifier } = load;
    const { stackSize } = limitsOf(device);
    const hooks = new NfpVerifier(program.insns, {
      capabilities: capabilitiesOf(device),
      stackSize,
      isClassifier,
      uses,
    });
    return { hooks, translate: (facts) => translate(load, hooks, facts) };
  },

  /** nfp_bpf_map_alloc, in its order. It puts no element: an array reads as zeros until it is written. */
  mapAlloc(model: Model, netdev: NetdevRecord, map: MapRecord): readonly Element[] {
    const device = model.get('device', netdev.device, 'map create');
    const { maps } = capabilitiesOf(device);
    const fail = (errno: ErrnoName, text: string): never => {
      throw new OffloadRefusal('map create', errno, { extack: text });
    };
    if (maps.types === 0)
      throw new OffloadRefusal('map create', 'EOPNOTSUPP', { hint: 'the firmware of this card has no maps' });
    if (map.flags !== 0) fail('EINVAL', 'map flags are not supported');
    if ((maps.types & (1 << mapTypeNumber(map.type))) === 0) fail('EOPNOTSUPP', 'map type not supported');
    const used = memoryOf(model, device.name);
    if (used.maps >= maps.maxMaps) fail('ENOMEM', 'too many maps for a device');
    if (maps.maxElems - used.elements < map.maxEntries)
      fail('ENOMEM', `map with too many elements: ${map.maxEntries}, left: ${maps.maxElems - used.elements}`);
    if (elementSize(map) > maps.maxElemSize)
      fail(
        'ENOMEM',
        `map elements too large: ${elementSize(map)}, FW max element size (key+value): ${maps.maxElemSize}`,
      );
    if (map.keySize > maps.maxKeySize) fail('ENOMEM', `map key size ${map.keySize}, FW max is ${maps.maxKeySize}`);
    if (map.valueSize > maps.maxValueSize)
      fail('ENOMEM', `map value size ${map.valueSize}, FW max is ${maps.maxValueSize}`);
    return [];
  },

  /**
   * What is stored is what the card has: words that are counters in big endian. So they are swapped on the way in and
   * out (nfp_map_bpf_byte_swap). An update is noted too, since a word may become a counter later (see `map-use.ts`).
   */
  mapOps(model: Model, _device: DeviceRecord, map: MapRecord): DeviceMapOps {
    const table = new Elements(model.records, map);
    const swapped = (value: Uint8Array): Uint8Array => swapCounters(map.use as MapUse, value);
    return {
      lookup: (key) => {
        const value = table.lookup(key);
        return value === undefined ? undefined : swapped(value);
      },
      update: (key, value, flags) => {
        const onCard = swapped(value);
        const use: MapUse = map.use.map((word) => ({ ...word }));
        recordValue(use, onCard);
        table.update(key, onCard, flags);
        if (use.some(({ nonZero }, i) => nonZero !== map.use[i]?.nonZero)) model.put('map', map.id, { ...map, use });
      },
      delete: (key) => table.delete(key),
      next: (key) => table.next(key),
      all: () => table.all().map(({ key, value }) => ({ key, value: swapped(value) })),
    };
  },

  setupDriver(netdev: NetdevRecord, prog: ProgRecord | undefined): void {
    if (prog !== undefined && netdev.mtu > driverMtu)
      refuse('EINVAL', 'MTU too large w/ XDP enabled', `set an MTU of at most ${driverMtu}`);
  },

  /**
   * nfp_bpf_xdp_offload, nfp_net_bpf_offload and _load. The 8 are the idle instructions at the end of an image,
   * which the cores fetch ahead: they are no part of the program that is bounded.
   */
  setupCard(model: Model, netdev: NetdevRecord, prog: ProgRecord | undefined, matches: boolean): void {
    const device = model.get('device', netdev.device, 'attach');
    const limits = limitsOf(device);
    const isRunning = netdev.offloaded !== 0;
    if (capabilitiesOf(device).abiVersion === 0) refuse('EINVAL');
    if (prog === undefined) return;
    if (isRunning && netdev.xdp.hw === 0)
      refuse('EBUSY', undefined, 'the card runs one program: take the classifier off first');
    if (!matches) refuse('EINVAL', undefined, `load it for this card: jitnic prog load FILE PIN dev ${netdev.name}`);
    if (isRunning && !limits.liveReload) refuse('EBUSY', 'FW does not support live reload', 'detach first');
    if (limits.inlineMtu < Math.min(prog.maxPacketOffset, netdev.mtu))
      refuse(
        'EOPNOTSUPP',
        'BPF offload not supported with potential packet access beyond HW packet split boundary',
        `bound what the program reads to the first ${limits.inlineMtu} bytes, or set a smaller MTU`,
      );
    if (prog.stackSize > limits.stackSize) refuse('EOPNOTSUPP', 'stack too large');
    if (prog.image.length > limits.maxInstructions + 8) refuse('EOPNOTSUPP', 'program too long');
  },

  setupClassifier(): void {
    refuse(
      'EOPNOTSUPP',
      'only direct action with no legacy actions supported',
      'jitnic runs XDP programs on this card',
    );
  },

  /**
   * A longer MTU may bring packets of which the cores see less than the program reads (nfp_bpf_check_mtu). The smaller
   * of both counts: a program can't reach past a packet's end.
   */
  checkMtu(model: Model, netdev: NetdevRecord, mtu: number): void {
    const { hw, drv } = netdev.xdp;
    const prog = hw === 0 ? undefined : model.find('prog', hw);
    const { inlineMtu } = limitsOf(model.get('device', netdev.device, 'set mtu'));
    if (prog !== undefined && inlineMtu < Math.min(prog.maxPacketOffset, mtu))
      throw new OffloadRefusal('set mtu', 'EBUSY', {
        extack: 'BPF offload active, potential packet access beyond hardware packet boundary',
      });
    if (drv !== 0 && mtu > driverMtu)
      throw new OffloadRefusal('set mtu', 'EINVAL', { extack: 'nfp: MTU too large w/ XDP enabled' });
  },
};

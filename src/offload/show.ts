/**
 * What is there, with bpftool's keys (`prog show`, `map show`, `net show`, `feature probe dev` of bpftool 7.1, `-j`).
 *
 * Keys and their order are bpftool's, so that scripts written for it go on working. A key that bpftool leaves out
 * where there is nothing to say is left out here too (`dev`, `map_ids`, `pinned`), never null. What bpftool has no
 * word for has a key of its own: `memory` of a card, and `slot` of an instruction. Everything is read; nothing is
 * changed.
 */
import { decodeInsns, formatInsn, type InsnNames } from '../isa/index.js';
import { helperName, helperNames, mapTypeNames, mapTypeNumber } from '../platform/index.js';
import { findHelper } from '../vm/index.js';
import { mapMemory } from './described/driver.js';
import { driverOf } from './drivers.js';
import type { PipeRecord } from './events.js';
import { fromHex, toHex } from './hex.js';
import type { OffloadKernel } from './kernel.js';
import type {
  DeviceRecord,
  MapRecord,
  Model,
  NetdevRecord,
  ProgLine,
  ProgRecord,
  TrafficRecord,
  XdpMode,
} from './model.js';
import { capabilitiesOf, limitsOf, memoryOf } from './nfp/driver.js';
import type { Json } from './records.js';

type Fields = { readonly [name: string]: Json };

/** `dev` of what is bound to a card. Network namespaces have no numbers here. */
function devJson(model: Model, { forDevice, netdev }: Pick<ProgRecord, 'forDevice' | 'netdev'>): Fields {
  const found = model.find('netdev', netdev);
  if (!forDevice || found === undefined) return {};
  return { dev: { ifindex: found.ifindex, ns_dev: 0, ns_inode: 0, ifname: found.name } };
}

/** A program. `jited` is whether a card has code for it. */
export function progJson(kernel: OffloadKernel, prog: ProgRecord): Fields {
  const { model } = kernel;
  const netdev = model.find('netdev', prog.netdev);
  const device = netdev === undefined ? undefined : model.find('device', netdev.device);
  // Two hexadecimal digits a byte.
  const bytes = prog.insns.length / 2;
  return {
    id: prog.id,
    type: prog.type,
    name: prog.name,
    tag: prog.tag,
    gpl_compatible: prog.gpl,
    ...devJson(model, prog),
    loaded_at: prog.loadedAt,
    uid: 0,
    bytes_xlated: bytes,
    jited: prog.listing.length > 0,
    ...(prog.image.length > 0 ? { bytes_jited: 8 * prog.image.length } : {}),
    ...(prog.listing.length > 0 ? { machine: `${device?.driver} (${device?.card})` } : {}),
    bytes_memlock: Math.ceil(bytes / 4096) * 4096,
    ...(prog.mapIds.length > 0 ? { map_ids: prog.mapIds } : {}),
    ...pinnedJson(kernel, 'prog', prog.id),
  };
}

/** All paths, as bpftool has with `-f`: here they cost nothing. */
function pinnedJson(kernel: OffloadKernel, kind: 'prog' | 'map', id: number): Fields {
  const pinned = kernel.pinsOf(kind, id);
  return pinned.length > 0 ? { pinned } : {};
}

/** A map. */
export function mapJson(kernel: OffloadKernel, map: MapRecord): Fields {
  return {
    id: map.id,
    type: map.type,
    name: map.name,
    flags: map.flags,
    ...devJson(kernel.model, map),
    bytes_key: map.keySize,
    bytes_value: map.valueSize,
    max_entries: map.maxEntries,
    bytes_memlock: Math.ceil(((map.keySize + map.valueSize) * map.maxEntries) / 4096) * 4096,
    frozen: 0,
    ...pinnedJson(kernel, 'map', map.id),
  };
}

const modeNames: Readonly<Record<XdpMode, string>> = { skb: 'generic', drv: 'driver', hw: 'offload' };

/**
 * Programs of network devices, as `bpftool net show`. More than one program a device is told as a list, as by netlink.
 */
export function netJson(model: Model): Json {
  const attached = ({ xdp }: NetdevRecord): Fields[] =>
    (['skb', 'drv', 'hw'] as const)
      .filter((mode) => xdp[mode] !== 0)
      .map((mode) => ({ mode: modeNames[mode], id: xdp[mode] }));
  const xdp = model.all('netdev').flatMap((netdev): Fields[] => {
    const modes = attached(netdev);
    const head = { devname: netdev.name, ifindex: netdev.ifindex };
    if (modes.length === 0) return [];
    return modes.length > 1 ? [{ ...head, multi_attachments: modes }] : [{ ...head, ...modes[0] }];
  });
  const tc = model
    .all('netdev')
    .flatMap(({ name, ifindex, filters }) =>
      filters.map(
        ({ prog, inHw }): Fields => ({ devname: name, ifindex, kind: 'clsact/ingress', id: prog, in_hw: inHw }),
      ),
    );
  return [{ xdp, tc, flow_dissector: [] }];
}

/** A card: its network devices, what is switched, and what maps take of its memory. */
export function deviceJson(model: Model, name: string): Fields {
  const device = model.get('device', name, 'device show');
  const ports = model.all('netdev').filter((netdev) => netdev.device === name);
  const head: Fields = {
    name,
    driver: device.driver,
    ...(device.card === '' ? {} : { card: device.card }),
    netdevs: ports.map(({ name: port, ifindex, mtu, knobs }) => ({ name: port, ifindex, mtu, knobs })),
    knobs: device.knobs,
    off: device.off,
  };
  if (device.driver === 'jitnic') {
    const { used, most } = mapMemory(model, device);
    return { ...head, memory: { bytes: used, max_bytes: most } };
  }
  if (device.driver !== 'nfp') return head;
  const { maps } = capabilitiesOf(device);
  const used = memoryOf(model, name);
  return {
    ...head,
    memory: {
      maps: used.maps,
      max_maps: maps.maxMaps,
      elements: used.elements,
      max_elements: maps.maxElems,
      bytes: used.bytes,
    },
  };
}

/** What a card can do, as `bpftool feature probe dev NAME`: bpftool tries each, here the driver's table is asked. */
export function featureJson(model: Model, name: string): Json {
  const netdev = model.get('netdev', name, `unrecognized netdevice '${name}'`);
  const device = model.get('device', netdev.device, 'feature probe');
  const isNfp = device.driver === 'nfp';
  const has = capabilitiesOf(device);
  const mapTypes = mapTypeNames
    .filter((type) => mapTypeNumber(type) > 0)
    .map((type): [string, Json] => {
      const known = isNfp ? (has.maps.types & (1 << mapTypeNumber(type))) !== 0 : driverOf(device).mapTypes.has(type);
      return [`have_${type}_map_type`, known];
    });
  return {
    syscall_config: { have_bpf_syscall: true },
    program_types: { have_sched_cls_prog_type: !isNfp, have_xdp_prog_type: true },
    map_types: Object.fromEntries(mapTypes),
    helpers: {
      xdp_available_helpers: helpersOf(device).map((id) => `bpf_${helperName(id)?.replace(/^bpf_/, '') ?? id}`),
    },
    misc: isNfp ? { have_large_insn_limit: false, max_instructions: limitsOf(device).maxInstructions } : {},
  };
}

/** Helpers that programs on a card may call, by number. A simulated one runs none, so it is not asked. */
function helpersOf(device: DeviceRecord): number[] {
  if (device.driver === 'netdevsim') return [];
  if (device.driver === 'jitnic') return [...helperNames.keys()].filter((id) => findHelper(id) !== undefined);
  const has = capabilitiesOf(device);
  return [...has.functions.keys()]
    .concat(has.random ? [7] : [], has.adjustHead.offMax > 0 ? [44] : [], has.adjustTail ? [65] : [])
    .sort((a, b) => a - b);
}

/** What a dump shows beside instructions: their bytes, and where source lines are. */
export interface DumpOptions {
  readonly opcodes: boolean;
  readonly linum: boolean;
}

/** A source line in front of an instruction, as btf_dump_linfo_json of bpftool's btf_dumper.c. */
function sourceJson(at: ProgLine | undefined, { linum }: DumpOptions): Fields {
  if (at === undefined) return {};
  const place = linum ? { file: at.file, line_num: at.line, ...(at.column > 0 ? { line_col: at.column } : {}) } : {};
  return { src: at.text, ...place };
}

/** Instructions as the verifier sees them, maps by their numbers; bpftool's `prog dump xlated`. */
export function xlatedJson({ insns, lines }: ProgRecord, shown: DumpOptions): Json {
  const decoded = decodeInsns(fromHex(insns));
  const names: InsnNames = { map: (id) => `map[id:${id}]` };
  return decoded.flatMap((insn, slot): Fields[] => {
    // The second slot of a load of 64 bits is told with the first.
    if (insn.code === 0) return [];
    const text = formatInsn(decoded, slot, 'kernel', names);
    const at = lines.find((line) => line.slot === slot);
    return [
      {
        ...sourceJson(at, shown),
        disasm: text,
        ...(shown.opcodes ? { opcodes: spaced(insns.slice(16 * slot, 16 * slot + 16)) } : {}),
      },
    ];
  });
}

/** Bytes as bpftool prints them in JSON. */
function spaced(hex: string): readonly string[] {
  return (hex.match(/../g) ?? []).map((byte) => `0x${byte}`);
}

/**
 * The card's own code; bpftool's `prog dump jited`, with the slot of the program that each instruction comes from, and
 * the source line where a new one begins. Cores that publish no encoding have
 * operations by row and lane, and no opcodes.
 */
export function jitedJson(prog: ProgRecord, shown: DumpOptions): Json {
  const name = `bpf_prog_${prog.tag}_${prog.name}`;
  if (prog.image.length === 0) {
    const insns = prog.listing.map((line): Fields => {
      const [, pc = '', text = line] = /^\s*(\d+\.\S+)\s+(.*)$/.exec(line) ?? [];
      return { pc, operation: text, operands: [null] };
    });
    return [{ name, insns }];
  }
  let told: ProgLine | undefined;
  // Lines with `;` are the eBPF instructions between: what is left is one a word of the image.
  const insns = prog.listing
    .filter((line) => !line.startsWith(';'))
    .map((line, i): Fields => {
      const text = line.trim().replace(/^\d+\s+[0-9a-f]+\s+/, '');
      const [, operation = text, operands = ''] = /^([^[]*)(\[.*)$/.exec(text) ?? [];
      const slot = prog.slots[i] ?? -1;
      const at = slot < 0 ? told : prog.lines.findLast((each) => each.slot <= slot);
      const isNew = at !== undefined && at !== told;
      told = at;
      return {
        ...sourceJson(isNew ? at : undefined, shown),
        pc: `0x${(8 * i).toString(16)}`,
        slot,
        operation,
        operands: operands === '' ? [null] : [operands],
        ...(shown.opcodes ? { opcodes: spaced(prog.image[i] ?? '') } : {}),
      };
    });
  return [{ name, insns }];
}

/** An element, as `bpftool map dump`: bytes as text, `["0x00", ...]`. */
export function elementJson(key: Uint8Array, value: Uint8Array): Fields {
  return { key: spaced(toHex(key)), value: spaced(toHex(value)) };
}

/** A record of a reader, as `bpftool map event_pipe` (map_perf_ring.c, print_bpf_output): 9 is PERF_RECORD_SAMPLE. */
export function eventJson(map: number, record: PipeRecord): Fields {
  const head = { cpu: 0, index: record.index };
  if (record.kind === 'lost') return { type: 2, ...head, lost: { id: map, count: record.count } };
  return { type: 9, ...head, timestamp: String(record.time), data: spaced(toHex(record.data)) };
}

/** A source of packets. Of the places only those that decided something are told. */
export function trafficJson({ decided, why, ...source }: TrafficRecord): Fields {
  const places = (['hw', 'drv', 'skb'] as const).filter((mode) => Object.values(decided[mode]).some((n) => n > 0));
  return {
    ...source,
    ...(why === '' ? {} : { why }),
    decided: Object.fromEntries(places.map((mode) => [modeNames[mode], decided[mode]])),
  };
}

/**
 * What an address is called: `pkt+23 (ip.proto)`, `fp-16`, `&flows[{src: 10.0.0.1}].packets`, `&limit`, `ctx`, `map
 * flows`. Names are of the moment: they follow the packet's headers and the maps' elements.
 */
import { btfPath, btfScalar } from '../object/index.js';
import { packetFields } from '../packet/index.js';
import { stackSize, xdpMdFields } from '../platform/index.js';
import { type BpfMap, dumpEntry, type Machine, slotAt } from '../vm/index.js';

/** Longest key that a name shows whole. */
const shownKey = 40;

/** A place in the value of a map. */
export interface MapPlace {
  readonly map: BpfMap;
  /** Guest address of the value's first byte. */
  readonly value: number;
  /** Key bytes; empty where the map has none, or only the map knows. */
  readonly key: Uint8Array;
  /** Bytes from the value's start. */
  readonly offset: number;
  readonly cpu: number;
}

/** Undefined: the address is no place that a program is given. */
export function symbolOf(machine: Machine, address: bigint): string | undefined {
  if (address < 0x10000n || address > 0xffff_ffffn) return undefined;
  const at = Number(address);
  const { ctx, packet } = machine.lane;
  if (at >= ctx.start && at < ctx.start + ctx.size) {
    const offset = at - ctx.start;
    return offset === 0 ? 'ctx' : `ctx+${offset}${offset % 4 === 0 ? ` (${xdpMdFields[offset / 4]})` : ''}`;
  }
  if (at >= packet.dataMeta && at <= packet.dataEnd) return packetSymbol(machine, at);
  for (const [depth, frame] of machine.lane.frames.entries())
    if (at >= frame.start + frame.size - stackSize && at <= frame.start + frame.size) {
      const offset = at - (frame.start + frame.size);
      const isOnly = machine.lane.frames[1]?.lo === machine.lane.frames[1]?.hi;
      return `${isOnly ? '' : `frame ${depth} `}fp${offset === 0 ? '' : offset}`;
    }
  const handle = machine.maps.find((map) => map.handle === at);
  if (handle !== undefined) return `map ${handle.spec.name}`;
  const place = mapPlaceOf(machine, at);
  if (place !== undefined) return mapSymbol(machine, place);
  return codeSymbol(machine, address) ?? regionSymbol(machine, at);
}

function packetSymbol(machine: Machine, at: number): string {
  const { data, dataEnd, dataMeta } = machine.lane.packet;
  if (at < data) return `meta+${at - dataMeta}`;
  if (at === dataEnd) return 'pkt end';
  const offset = at - data;
  const headers = packetFields(machine.lane.packet.bytes());
  const header = headers.find((one) => one.offset === offset);
  const field = headers.flatMap(({ fields }) => fields).find(({ start }) => start === offset);
  const named = header?.label ?? field?.name;
  return `pkt${offset === 0 ? '' : `+${offset}`}${named === undefined ? '' : ` (${named})`}`;
}

/** The map value that an address lies in, for maps whose layout is known. */
export function mapPlaceOf({ maps, cpus, memory }: Machine, at: number): MapPlace | undefined {
  for (const map of maps) {
    const layout = map.layout();
    if (layout?.kind !== 'array' && layout?.kind !== 'hash') continue;
    const count = layout.kind === 'array' ? map.spec.maxEntries : layout.table.slots;
    const slot = Math.floor((at - layout.base) / layout.stride);
    if (at < layout.base || slot >= count * layout.cpus) continue;
    const [element, cpu] = [Math.floor(slot / layout.cpus), slot % layout.cpus];
    const value = layout.base + slot * layout.stride;
    if (at - value >= map.spec.valueSize) continue;
    const key =
      layout.kind === 'hash'
        ? memory.read(layout.table.keys + element * layout.table.keyStride, map.spec.keySize)
        : new Uint8Array(Uint32Array.of(element).buffer);
    return { map, value, key, offset: at - value, cpu: cpus > 1 && layout.cpus > 1 ? cpu : 0 };
  }
  return undefined;
}

function mapSymbol(machine: Machine, { map, key, offset, cpu }: MapPlace): string {
  const { spec } = map;
  const { btf } = machine.object;
  const isTyped = btf !== undefined && spec.btfValueId > 0 && btf.sizeOf(spec.btfValueId) === spec.valueSize;
  const whole = offset === 0 && isTyped && btf.resolve(spec.btfValueId).kind !== 'datasec';
  let part = '';
  if (isTyped && !whole) {
    const scalar = btfScalar(btf, spec.btfValueId, offset);
    const found =
      scalar?.offset === offset
        ? btfPath(btf, spec.btfValueId, offset, scalar.width)
        : btfPath(btf, spec.btfValueId, offset, 1);
    part = found ?? `+${offset}`;
  } else if (!isTyped && offset > 0) part = `+${offset}`;
  // A variable has a name of its own.
  if (spec.init?.kind === 'data' && isTyped) return part.startsWith('+') ? `&${spec.name}${part}` : `&${part}`;
  return `&${spec.name}[${keyText(machine, map, key)}]${part}${cpu > 0 ? ` of CPU ${cpu}` : ''}`;
}

/** A key as short as can be: a number, or the members of a struct. */
export function keyText(machine: Machine, map: BpfMap, key: Uint8Array): string {
  if (key.length === 0) return '';
  const { formatted } = dumpEntry(machine, map, key, new Uint8Array(0), true);
  const text = plainText(
    formatted?.key ?? (key.length === 4 ? new DataView(key.buffer, key.byteOffset).getUint32(0, true) : undefined),
  );
  if (text !== undefined) return text.length > shownKey ? `${text.slice(0, shownKey)}...` : text;
  return Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** JSON as people write it: `{src: 1, port: [2, 3]}`. */
export function plainText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return `[${value.map((item) => plainText(item) ?? '?').join(', ')}]`;
  if (typeof value !== 'object') return String(value);
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${plainText(field) ?? '?'}`);
  return `{${fields.join(', ')}}`;
}

function codeSymbol(machine: Machine, address: bigint): string | undefined {
  for (const program of machine.programs) {
    const slot = slotAt(program, address);
    const found = program.spec.functions.find(({ start }) => start === slot);
    if (slot >= 0) return `${found?.name ?? program.spec.name}()`;
  }
  return undefined;
}

function regionSymbol(machine: Machine, at: number): string | undefined {
  const region = machine.memory.regionOf(at);
  if (region === undefined || region.kind === 'stack' || region.kind === 'scratch' || region.kind === 'packet')
    return undefined;
  const offset = at - region.start;
  return `${region.name}${offset === 0 ? '' : ` +${offset}`}`;
}

/**
 * How many packets a second a card of many cores does: the least of what its parts do. A core runs one thread at a
 * time, and another one while the first waits for memory; so a core is busy for a packet's cycles, and a thread for
 * its cycles and all that it waits. What the firmware does around the program is in the card's description.
 */
import { type CardDescription, memoriesOf, numberOf } from '../description.js';
import { mapMemories, type Place } from './placement.js';
import type { Work } from './work.js';

/** What bounds the rate. */
export type Bound = 'ingress' | 'egress' | 'wire' | 'cores' | 'threads' | 'ports' | 'atomics' | 'locks';

/** A part of the card, and how many packets a second it does, in millions. */
export interface PartRate {
  readonly part: Bound;
  /** The memory or map that it is about; the empty string: none. */
  readonly of: string;
  readonly rate: number;
}

/** Cycles of an average packet. */
export interface PacketCycles {
  /** In which a core is busy. */
  readonly busy: number;
  /** In which its thread waits. */
  readonly waits: number;
}

/** The memory of a card in which packets stand, and cycles of an access. */
export function packetLatency(card: CardDescription): number {
  const name = memoriesOf(card).find((each) => {
    const holds = card.parameters.get(`memories.${each}.holds`)?.value;
    return Array.isArray(holds) && holds.includes('packet');
  });
  return name === undefined ? 0 : numberOf(card, `memories.${name}.latency`);
}

/** Where each map stands, and which of them packets may change. */
export interface Placed {
  /** By map; undefined: in the memory furthest away, as the driver of Linux has it. */
  readonly places: readonly (Place | undefined)[];
  /** By map: the share of accesses that the near memory of a map in two has. */
  readonly near: readonly number[];
  readonly isWritten: (map: number) => boolean;
}

/** Cycles of each map's accesses. */
export function mapLatencies(card: CardDescription, { places, near, isWritten }: Placed, maps: number): Float64Array {
  const memories = mapMemories(card);
  return Float64Array.from({ length: maps }, (_, map) => {
    const place = places[map] ?? { memory: memories.length - 1, hot: undefined };
    const at = (memory: number): number => (isWritten(map) ? memories[memory]?.shared : memories[memory]?.read) ?? 0;
    if (place.hot === undefined) return at(place.memory);
    return at(place.hot.memory) + (1 - (near[map] ?? 0)) * at(place.memory);
  });
}

/** Cycles of an average packet of `work`. */
export function packetCycles(card: CardDescription, work: Work, latencies: Float64Array): PacketCycles {
  const each = (count: number): number => count / Math.max(1, work.packets);
  const maps = work.maps.reduce((sum, count, map) => sum + count * (latencies[map] ?? 0), 0);
  return {
    busy: each(work.cycles) + numberOf(card, 'core.enter') + numberOf(card, 'core.leave'),
    waits: each(work.packet * packetLatency(card) + maps) + numberOf(card, 'core.waits'),
  };
}

/** Packets of one kind: how long they are, and how many of them are sent. */
export interface Stream {
  /** Bytes of a frame, without checksum. */
  readonly length: number;
  /** Of the packets, those that TX or REDIRECT sends. */
  readonly sent: number;
}

/** Checksum, preamble and gap of a frame. */
const frameExtra = 24;

/** What each part of the card does with such packets, the narrowest first. */
export function partRates(card: CardDescription, work: Work, placed: Placed, stream: Stream): readonly PartRate[] {
  const at = (path: string): number => numberOf(card, path);
  const clock = at('clock');
  const latencies = mapLatencies(card, placed, work.maps.length);
  const { busy, waits } = packetCycles(card, work, latencies);
  const cores = at('units.cores');
  const rates: PartRate[] = [
    { part: 'ingress', of: '', rate: at('mac.ingress') },
    { part: 'wire', of: '', rate: (at('mac.rate') * 1000) / (8 * (stream.length + frameExtra)) },
    { part: 'cores', of: '', rate: (cores * clock) / busy },
    { part: 'threads', of: '', rate: (cores * at('units.threads') * clock) / (busy + waits) },
  ];
  if (stream.sent > 0) rates.push({ part: 'egress', of: '', rate: at('mac.egress') / stream.sent });
  return [...rates, ...memoryRates(card, work, placed), ...lockRates(clock, work, latencies)].sort(
    (x, y) => x.rate - y.rate,
  );
}

/** Accesses that a memory begins in a cycle, and operations that its atomic engine does. */
function memoryRates(card: CardDescription, work: Work, { places, isWritten }: Placed): readonly PartRate[] {
  const memories = mapMemories(card);
  const islands = numberOf(card, 'units.islands');
  const packets = Math.max(1, work.packets);
  const found: PartRate[] = [];
  for (const [index, { name }] of memories.entries()) {
    // A map that is only read has a copy in each island, so each answers its own cores.
    const own = numberOf(card, `memories.${name}.remote`) > 0;
    let [accesses, atomics] = [0, 0];
    for (const [map, count] of work.maps.entries()) {
      const place = places[map]?.hot?.memory ?? places[map]?.memory ?? memories.length - 1;
      if (place !== index) continue;
      accesses += (count + (work.posted[map] ?? 0)) / (own && !isWritten(map) ? islands : 1);
      atomics += work.atomics[map] ?? 0;
    }
    const clock = numberOf(card, 'clock') * packets;
    if (accesses > 0)
      found.push({ part: 'ports', of: name, rate: (numberOf(card, `memories.${name}.ports`) * clock) / accesses });
    const units = numberOf(card, `memories.${name}.atomic_units`);
    if (atomics > 0) found.push({ part: 'atomics', of: name, rate: (units * clock) / atomics });
  }
  return found;
}

/** A map that packets change is locked meanwhile: they do so one after the other. */
function lockRates(clock: number, work: Work, latencies: Float64Array): readonly PartRate[] {
  const packets = Math.max(1, work.packets);
  const found: PartRate[] = [];
  for (const [map, count] of work.locked.entries())
    if (count > 0)
      found.push({ part: 'locks', of: String(map), rate: (clock * packets) / (count * (latencies[map] ?? 1)) });
  return found;
}

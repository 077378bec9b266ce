/**
 * Fills the maps of an object from a seed, the same way on every subject. Keys are of the kind that traffic hits:
 * small numbers, and, where the key has the size of an address or a port, those that occur in the packets.
 */

import type { MapSpec, ObjectSpec } from '../object/index.js';
import { Prng } from '../packet/index.js';
import { isPercpuMap, type MapTypeName, mapFlags, readableMaps } from '../platform/index.js';
import type { Subject } from './subject.js';

/** Elements put into a map at most. */
const maxElements = 48;

/** Types whose elements are bytes that anyone may put in. */
const fillable: ReadonlySet<MapTypeName> = new Set<MapTypeName>([...readableMaps, 'queue', 'stack', 'bloom_filter']);

/**
 * Applies the same updates to all subjects. Returns a complaint for each update that one takes and another refuses.
 * `samples`: packets whose bytes serve as keys; `except`: names of maps to leave alone.
 */
export function seedMaps(
  object: ObjectSpec,
  subjects: readonly Pick<Subject, 'name' | 'update'>[],
  seed: number,
  cpus: number,
  samples: readonly Uint8Array[],
  except: ReadonlySet<string> = new Set(),
): string[] {
  const complaints: string[] = [];
  for (const [index, spec] of object.maps.entries()) {
    if (except.has(spec.name) || !isFillable(spec)) continue;
    // By its name, so that a map's contents do not depend on what other maps there are.
    const random = new Prng((seed ^ hashOf(spec.name)) >>> 0);
    const elements = Math.min(spec.maxEntries, maxElements);
    for (let i = 0; i < elements; i++) {
      const key = makeKey(spec, i, random, samples);
      const value = makeValue(spec, random, cpus);
      const results = subjects.map((subject) => subject.update(index, key, value));
      if (new Set(results).size > 1) {
        const shown = subjects.map((subject, s) => `${subject.name} ${results[s]}`).join(', ');
        complaints.push(`update of map \`${spec.name}\` with key ${key.join(' ')}: ${shown}`);
      }
    }
  }
  return complaints;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

function isFillable(spec: MapSpec): boolean {
  // Data sections hold what the program was compiled with.
  if (!fillable.has(spec.type) || spec.init !== undefined || (spec.flags & mapFlags.rdonlyProg) !== 0) return false;
  // What a bloom filter holds by mistake depends on its seed, which is random without this flag.
  return spec.type !== 'bloom_filter' || (spec.flags & mapFlags.zeroSeed) !== 0;
}

/** A key: an index where the type has those, else most often bytes that stand in a packet. */
function makeKey(spec: MapSpec, i: number, random: Prng, samples: readonly Uint8Array[]): Uint8Array {
  const key = new Uint8Array(spec.keySize);
  const view = new DataView(key.buffer);
  const indexed = ['array', 'percpu_array', 'devmap', 'cpumap'].includes(spec.type);
  if (indexed || (spec.keySize <= 4 && random.chance(0.4))) {
    if (spec.keySize >= 4) view.setUint32(0, i, true);
    else key[0] = i;
    return key;
  }
  const sample = samples.length > 0 && random.chance(0.7) ? random.pick(samples) : undefined;
  if (spec.type === 'lpm_trie') {
    const dataBytes = spec.keySize - 4;
    view.setUint32(0, random.below(dataBytes * 8 + 1), true);
    key.set(sample === undefined ? random.bytes(dataBytes) : fieldOf(sample, dataBytes, random), 4);
    return key;
  }
  if (sample !== undefined) key.set(fieldOf(sample, spec.keySize, random));
  else for (let at = 0; at < key.length; at++) key[at] = random.chance(0.3) ? random.below(8) : 0;
  return key;
}

/** Bytes of the packet where addresses, ports and protocol numbers stand; the rest of a longer key is zero. */
function fieldOf(packet: Uint8Array, size: number, random: Prng): Uint8Array {
  const at = random.pick([0, 6, 12, 23, 26, 30, 34, 36, 22, 38]);
  const field = packet.subarray(at, at + size);
  return field.length < size ? packet.subarray(0, size) : field;
}

/** A value of random bytes, or of a kind that the type asks for; per-CPU maps take one for each CPU. */
function makeValue(spec: MapSpec, random: Prng, cpus: number): Uint8Array {
  if (spec.type === 'devmap' || spec.type === 'devmap_hash') {
    // The loopback interface is the only one that is always there.
    const value = new Uint8Array(spec.valueSize);
    value[0] = 1;
    return value;
  }
  if (spec.type === 'cpumap') {
    const value = new Uint8Array(spec.valueSize);
    value[0] = 64;
    return value;
  }
  const one = (): Uint8Array => {
    const value = new Uint8Array(spec.valueSize);
    const form = random.below(3);
    // Numbers that programs use as indexes and counters are small; others are taken as they come.
    for (let at = 0; at < value.length; at++) {
      value[at] = form === 0 ? 0 : form === 1 ? (at % 4 === 0 ? random.below(4) : 0) : random.below(256);
    }
    return value;
  };
  if (!isPercpuMap(spec.type)) return one();
  const stride = (spec.valueSize + 7) & ~7;
  const values = new Uint8Array(stride * cpus);
  for (let cpu = 0; cpu < cpus; cpu++) values.set(one(), cpu * stride);
  return values;
}

/**
 * Look-ups where the map is known only when the packet comes: in a map that came out of a map of maps. The index of a
 * map lies at its handle; a jump table leads from there to the look-up of each map that could have come out.
 */
import type { BpfMap, MapLayout } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import { exchange } from './exchange.js';
import type { Services } from './services.js';

/** More candidates than this are left to JavaScript: each is code. */
const maxCandidates = 256;

/** Returns 0 where the index, the first local, is none of `entries`. */
function leaveOutOfBounds(out: CodeBuilder, entries: number): void {
  out.getLocal(0).i32(entries).op('i32.ge_u').if().i32(0).op('return').end();
}

/** In an ARRAY_OF_MAPS: (slot) -> the inner map's handle, or 0. */
export function defineSlotLookup(
  { module, machine }: Services,
  map: number,
  layout: MapLayout & { kind: 'maps' },
  inMemory: boolean,
): number {
  const index = module.declareFunction(`inner_${map}`, ['i32'], ['i32']);
  const out = module.bodyOf(index);
  if (inMemory) out.getLocal(0).memory('i32.load').setLocal(0);
  leaveOutOfBounds(out, machine.maps[map]?.spec.maxEntries ?? 0);
  out.getLocal(0).i32(2).op('i32.shl').memory('i32.load', layout.slots);
  module.define(index, out);
  return index;
}

/** In an array: (address of the index) -> address of the value, or 0. */
export function defineArrayLookup(
  { module, machine, exchange: area }: Services,
  map: number,
  layout: MapLayout & { kind: 'array' },
): number {
  const index = module.declareFunction(`element_${map}`, ['i32'], ['i32']);
  const out = module.bodyOf(index);
  out.getLocal(0).memory('i32.load').setLocal(0);
  leaveOutOfBounds(out, machine.maps[map]?.spec.maxEntries ?? 0);
  out.getLocal(0);
  if (layout.cpus > 1) {
    out.i32(layout.cpus).op('i32.mul');
    out
      .i32(area + exchange.cpu)
      .memory('i32.load')
      .op('i32.add');
  }
  out.i32(layout.stride).op('i32.mul').i32(layout.base).op('i32.add');
  module.define(index, out);
  return index;
}

/** (handle, address of the key) -> address of the value, or 0. Undefined: JavaScript has to find it. */
export function defineAnyLookup(services: Services): number | undefined {
  const { module, machine } = services;
  const candidates = machine.maps.filter((map) => isInner(map, machine.maps));
  if (candidates.length === 0 || candidates.length > maxCandidates) return undefined;
  const lookups = new Map<number, number>();
  for (const { index } of candidates) {
    const lookup = services.lookup(index, true);
    if (lookup === undefined) return undefined;
    lookups.set(index, lookup);
  }
  const index = module.declareFunction('lookup_any', ['i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const known = [...lookups];
  const labels = new Array<number>(machine.maps.length).fill(known.length);
  for (const [i, [map]] of known.entries()) labels[map] = i;
  for (let i = 0; i <= known.length; i++) out.block();
  out.getLocal(0).memory('i32.load').brTable(labels, known.length);
  for (const [, lookup] of known) out.end().getLocal(1).call(lookup).op('return');
  out.end().op('unreachable');
  module.define(index, out);
  return index;
}

/** Can the map lie in a map of maps? */
function isInner({ spec }: BpfMap, maps: readonly BpfMap[]): boolean {
  return maps.some(({ spec: { inner } }) => {
    const same = inner?.typeNumber === spec.typeNumber && inner.keySize === spec.keySize;
    return same && inner.valueSize === spec.valueSize;
  });
}

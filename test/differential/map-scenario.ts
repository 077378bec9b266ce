/**
 * Sequences of map operations as data, and who can run them: jitnic's maps and the running kernel's. What one gives is
 * compared with what the other gives; what the kernel gave is also kept in test/golden/maps.json, for machines without
 * one.
 */
import type { Bpf } from '../../src/linux/index.js';
import { type MapSpec, mapSpec } from '../../src/object/index.js';
import { type MapTypeName, mapTypeNumber } from '../../src/platform/index.js';
import type { BpfMap } from '../../src/vm/index.js';
import { createMap } from '../../src/vm/maps/index.js';
import { GuestMemory } from '../../src/vm/memory.js';
import { MapProgram } from './map-program.js';

/** Flags of a map's creation: `mapFlags` of src/platform. */
export interface MapShape {
  readonly type: MapTypeName;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
  readonly extra?: bigint;
  readonly inner?: MapShape;
}

/**
 * Keys and values are hex bytes. `lookup`, `update`, `delete`, `next`, `take` are bpf(2)'s commands; `program-*` are
 * helpers called by an XDP program, for maps with keys and values of 4 or 8 bytes; `keys` walks over the whole map.
 */
export type MapOp =
  | { readonly op: 'lookup' | 'delete' | 'take'; readonly key: string; readonly flags?: number }
  | { readonly op: 'next'; readonly key?: string }
  | { readonly op: 'update'; readonly key: string; readonly value: string; readonly flags?: number }
  | { readonly op: 'keys' }
  | { readonly op: 'cpu'; readonly cpu: number }
  | { readonly op: 'program-lookup' | 'program-delete'; readonly key: string }
  | { readonly op: 'program-update'; readonly key: string; readonly value: string; readonly flags?: number };

export interface MapScenario {
  readonly name: string;
  readonly map: MapShape;
  readonly ops: readonly MapOp[];
}

/** Hex bytes, a list of them, or a number: 0 or a negated errno. */
export type MapResult = string | readonly string[] | number;

export interface MapTarget {
  run(op: MapOp): MapResult;
  close(): void;
}

export function specOf(shape: MapShape): MapSpec {
  return mapSpec({
    name: 'scenario',
    type: shape.type,
    keySize: shape.keySize,
    valueSize: shape.valueSize,
    maxEntries: shape.maxEntries,
    flags: shape.flags ?? 0,
    extra: shape.extra ?? 0n,
    inner: shape.inner === undefined ? undefined : specOf(shape.inner),
  });
}

export function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function show(result: Uint8Array | number): string | number {
  return typeof result === 'number' ? result : toHex(result);
}

/** jitnic's map, on a machine of `cpus` CPUs. Values of fd maps are not translated: scenarios have none. */
export function modelTarget(shape: MapShape, cpus: number): MapTarget {
  const memory = new GuestMemory();
  const scratch = memory.allocate('scratch', 'scenario', 8192);
  const map: BpfMap = createMap(specOf(shape), 0, memory, { cpus, programs: [] });
  let cpu = 0;
  const put = (key: string, value = ''): { key: number; value: number } => {
    const at = { key: scratch.start, value: scratch.start + 4096 };
    memory.write(at.key, fromHex(key));
    memory.write(at.value, fromHex(value));
    return at;
  };
  return {
    run(op) {
      switch (op.op) {
        case 'lookup':
          return show(map.lookupElem(fromHex(op.key), BigInt(op.flags ?? 0)));
        case 'take':
          return show(map.lookupAndDeleteElem(fromHex(op.key), cpu));
        case 'delete':
          return map.deleteElem(fromHex(op.key), cpu);
        case 'update':
          return map.updateElem(fromHex(op.key), fromHex(op.value), BigInt(op.flags ?? 0), cpu);
        case 'next':
          return show(map.nextKey(op.key === undefined ? undefined : fromHex(op.key)));
        case 'keys':
          return [...map.entries()].map((entry) => toHex(entry.key));
        case 'cpu':
          cpu = op.cpu;
          return 0;
        case 'program-lookup': {
          const at = map.lookup(put(op.key).key, cpu);
          return at === 0 ? 0 : toHex(memory.read(at, shape.valueSize));
        }
        case 'program-update': {
          const at = put(op.key, op.value);
          return map.update(at.key, at.value, BigInt(op.flags ?? 0), cpu);
        }
        case 'program-delete':
          return map.delete(put(op.key).key, cpu);
      }
    },
    close() {},
  };
}

const percpu: readonly MapTypeName[] = ['percpu_array', 'percpu_hash', 'lru_percpu_hash'];

/** The running kernel's map. Throws with the errno where it refuses to create it. */
export function kernelTarget(bpf: Bpf, shape: MapShape, cpus: number): MapTarget {
  const fd = createInKernel(bpf, shape);
  if (fd < 0) throw new Error(`the kernel refuses the map with ${fd}`);
  const valueSize = percpu.includes(shape.type) ? Math.ceil(shape.valueSize / 8) * 8 * cpus : shape.valueSize;
  const program = new MapProgram(bpf, fd, shape.keySize, shape.valueSize);
  bpf.pinToCpu(0);
  return {
    run(op) {
      switch (op.op) {
        case 'lookup': {
          const key = fromHex(op.key);
          const flags = BigInt(op.flags ?? 0);
          if (shape.type === 'bloom_filter') return show(bpf.mapLookup(fd, new Uint8Array(0), valueSize, flags, key));
          return show(bpf.mapLookup(fd, key, valueSize, flags));
        }
        case 'take':
          return show(bpf.mapLookupAndDelete(fd, fromHex(op.key), valueSize));
        case 'delete':
          return bpf.mapDelete(fd, fromHex(op.key));
        case 'update':
          return bpf.mapUpdate(fd, fromHex(op.key), fromHex(op.value), BigInt(op.flags ?? 0));
        case 'next': {
          const next = bpf.mapNextKey(fd, op.key === undefined ? undefined : fromHex(op.key), shape.keySize);
          return next === undefined ? -2 : toHex(next);
        }
        case 'keys':
          return [...bpf.mapKeys(fd, shape.keySize)].map(toHex);
        case 'cpu':
          return bpf.pinToCpu(op.cpu) < 0 ? -22 : 0;
        case 'program-lookup':
          return show(program.lookup(fromHex(op.key)));
        case 'program-update':
          return program.update(fromHex(op.key), fromHex(op.value), op.flags ?? 0);
        case 'program-delete':
          return program.delete(fromHex(op.key));
      }
    },
    close() {
      program.close();
      bpf.close(fd);
    },
  };
}

/** File descriptor or negated errno. */
export function createInKernel(bpf: Bpf, shape: MapShape): number {
  const innerFd = shape.inner === undefined ? undefined : createInKernel(bpf, shape.inner);
  if (innerFd !== undefined && innerFd < 0) throw new Error(`the kernel refuses the inner map with ${innerFd}`);
  const fd = bpf.mapCreate({
    type: mapTypeNumber(shape.type),
    keySize: shape.keySize,
    valueSize: shape.valueSize,
    maxEntries: shape.maxEntries,
    flags: shape.flags ?? 0,
    extra: shape.extra ?? 0n,
    ...(innerFd === undefined ? {} : { innerFd }),
  });
  if (innerFd !== undefined) bpf.close(innerFd);
  return fd;
}

export function runScenario(target: MapTarget, scenario: MapScenario): MapResult[] {
  try {
    return scenario.ops.map((op) => target.run(op));
  } finally {
    target.close();
  }
}

/**
 * What the harnesses compare: one implementation of XDP running one object file, be it the kernel, the interpreter or
 * compiled code.
 */
import type { MapSpec } from '../object/index.js';
import { isArrayMap, readableMaps } from '../platform/index.js';

/** A packet as the harnesses hand it out. */
export interface Packet {
  /** 14 to 3,520 bytes, more for `xdp.frags` programs. */
  readonly data: Uint8Array;
  /** Bytes of metadata in front; a multiple of 4. */
  readonly meta?: Uint8Array | undefined;
  /** Nanoseconds; from a capture. */
  readonly time?: bigint | undefined;
}

/** What a packet came to. */
export interface Observation {
  /** Low 32 bits of r0. */
  readonly verdict: number;
  readonly data: Uint8Array;
  readonly meta: Uint8Array;
  /** What the program sent to user space: `map: record in hex`, in order. */
  readonly outputs: readonly string[];
  /** Why the packet could not be run or was stopped; compared as "none" or "some". */
  readonly stopped?: string | undefined;
}

/**
 * Map contents in a canonical order, bytes as the characters of {@link binary} strings, which are quickly made and
 * compared. Per-CPU
 * values: all CPUs', each rounded up to 8 bytes.
 */
export type Contents = readonly (readonly [key: string, value: string])[];

/** An implementation with one program loaded. What one run leaves in maps, the next one finds. */
export interface Subject {
  readonly name: string;
  run(packet: Packet): Observation;
  /** Index in `object.maps`. 0 or a negated errno. */
  update(map: number, key: Uint8Array, value: Uint8Array, flags?: bigint): number;
  remove(map: number, key: Uint8Array): number;
  /** A value as this subject takes it, of one as a machine has it; the same where that is the same. */
  translate(spec: MapSpec, value: Uint8Array): Uint8Array;
  /** Undefined where the type cannot be read out. */
  contents(map: number): Contents | undefined;
  /** Empties what only empties by reading: queues, stacks, ring buffers. In the order of reading. */
  drain(map: number): readonly string[];
  close(): void;
}

/** Bytes as lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** A string with a character for each byte. */
export function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** A string of one character a byte as hex; such strings are keys of maps of ours. */
export function binaryToHex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

/** Whether a map's contents can be compared: not those of maps that hold references or records. */
export function isReadable(spec: MapSpec): boolean {
  return readableMaps.has(spec.type);
}

/** Sorts where the order is the implementation's own. */
export function canonical(spec: MapSpec, contents: (readonly [string, string])[]): Contents {
  return isArrayMap(spec.type) ? contents : contents.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
}

/** What a test file says: a program, what it starts from, and cases with packets and what is expected of them. */
import type { SourceNode } from './source-node.js';

/** What cases start from; those of a case go over those of its file. */
export interface Setup {
  /** Global variables before the program is loaded. */
  readonly globals: Readonly<Record<string, unknown>>;
  /** A map file, read before {@link maps}. */
  readonly mapsIn: string | undefined;
  /** Entries as in map files, by map. */
  readonly maps: readonly MapLines[];
  /** Maps of which nothing is left that the object and {@link mapsIn} bring, and their line; before {@link maps}. */
  readonly empty: readonly { readonly map: string; readonly line: number }[];
  /** Maps that are full, ring buffers and tables, and their line. */
  readonly full: readonly { readonly map: string; readonly line: number }[];
  /** Sizes of maps that the object leaves open. */
  readonly mapEntries: Readonly<Record<string, number>>;
  /** Nanoseconds at the first packet; later ones have their own time, or the same. */
  readonly clock: bigint | undefined;
  readonly cpu: number | undefined;
  readonly cpus: number | undefined;
  readonly ifindex: number | undefined;
  readonly seed: bigint | undefined;
  /** Names of engines; undefined: all. */
  readonly engines: readonly string[] | undefined;
  /** Lines of what only the object or another file shows to be wrong: `maps-in`, `set.limit`, `map-entries.flows`. */
  readonly lines: Readonly<Record<string, number>>;
}

/** Entries of one map, each with its line. */
export interface MapLines {
  readonly map: string;
  readonly line: number;
  /** Number of elements that is expected; only in expectations. */
  readonly size?: number | undefined;
  readonly entries: readonly { readonly line: number; readonly json: Readonly<Record<string, unknown>> }[];
}

/** Packets of a case: one that is written down, or some of a capture. */
export interface CasePackets {
  readonly line: number;
  readonly data: Uint8Array | undefined;
  /** Bytes before the packet, `data_meta` to `data`. */
  readonly metadata: Uint8Array | undefined;
  readonly capture: CaptureChoice | undefined;
  readonly time: bigint | undefined;
  readonly cpu: number | undefined;
  readonly ifindex: number | undefined;
  readonly expect: Expectation | undefined;
}

/** Which packets of a capture. */
export interface CaptureChoice {
  readonly file: string;
  readonly line: number;
  readonly filter: ((data: Uint8Array) => boolean) | undefined;
  /** Packets that the filter takes are left out, so many; and then taken, so many at most. */
  readonly skip: number;
  readonly count: number;
}

/** What is expected. What it says of packets holds for each packet that it stands with. */
export interface Expectation {
  readonly line: number;
  readonly verdict: { readonly line: number; readonly names: readonly string[] } | undefined;
  /** How many packets have which verdict, in the end. */
  readonly verdicts: { readonly line: number; readonly counts: Readonly<Record<string, number>> } | undefined;
  /** The packet as it leaves; `'same'`: as it came. */
  readonly packet: { readonly line: number; readonly data: Uint8Array | 'same' } | undefined;
  readonly fields: readonly { readonly line: number; readonly name: string; readonly value: string }[];
  readonly redirect: { readonly line: number; readonly fields: ReadonlyMap<string, SourceNode> } | undefined;
  readonly maps: readonly MapLines[];
  readonly globals: readonly { readonly line: number; readonly name: string; readonly value: unknown }[];
  /** Lines of bpf_printk, all of them. */
  readonly printed: { readonly line: number; readonly texts: readonly (string | RegExp)[] } | undefined;
  /** Records by map, all of them: parts of their value by type, or hex. */
  readonly records: readonly { readonly line: number; readonly map: string; readonly values: readonly unknown[] }[];
  /** Instructions that a packet takes at most. */
  readonly instructions: { readonly line: number; readonly most: number } | undefined;
}

/** One case. */
export interface Case {
  readonly name: string;
  readonly line: number;
  readonly setup: Setup;
  readonly packets: readonly CasePackets[];
  readonly expect: Expectation | undefined;
  /** Why it does not run; undefined: it does. */
  readonly skip: string | undefined;
}

/** A file of cases. */
export interface Suite {
  /** As it was named; undefined for cases that a program made. */
  readonly file: string | undefined;
  /** The program's file, beside the test file. Undefined where a program handed it over. */
  readonly program: string | undefined;
  readonly programLine: number;
  /** Program or section in it. */
  readonly entry: string | undefined;
  readonly entryLine: number;
  /** Macros and header folders for C sources. */
  readonly define: readonly string[];
  readonly include: readonly string[];
  /** False: a program that Linux would not load is run all the same, interpreted. */
  readonly verify: boolean;
  /** `MAP=TYPE` of records, and the line of all of them. */
  readonly recordTypes: readonly string[];
  readonly recordTypesLine: number;
  readonly cases: readonly Case[];
}

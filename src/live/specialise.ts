/**
 * A program for what its tables hold now: look-ups of frequent keys become comparisons, small tables are written out
 * as a whole, look-ups in empty ones go. Pure: program and plan in, program out, no kernel.
 *
 * Each site gets, in front of the look-up that stays,
 *
 *     if guard.epoch != EPOCH goto slow        the tables may have changed (watcher.ts)
 *     if key == K1 { r0 = &values[1]; goto done }
 *     if key == K2 { r0 = 0; goto done }       a key that is known not to be there
 *     ...
 *     slow: r0 = bpf_map_lookup_elem(map, key)
 *     done:
 *
 * so that each look-up is answered as the table would at that moment: the comparison with the epoch is the moment.
 * What stands in the table's value stands in `values` too, a map of the version's own that nothing writes: what
 * follows finds the same bytes through either pointer. It need not know which, and the verifier need not go through
 * the rest once for each key: the place in `values` is read from memory, so it is one unknown number on all ways.
 *
 * By rule: for a map whose values and elements the program does not change (read-only.ts).
 */
import { rewriteProgram } from '../code/index.js';
import type { Insn } from '../isa/index.js';
import { type MapSpec, mapSpec, type ProgramSpec } from '../object/index.js';
import { assembleSequence, type LookupSite, pieceWidth } from './sites.js';
import { guardSize } from './watcher.js';

/** A key and the value behind it; undefined: the table has none. */
export interface KnownEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** What is known of one site. */
export interface SitePlan {
  readonly site: LookupSite;
  /** In the order in which they are compared. */
  readonly entries: readonly KnownEntry[];
  /** The entries are all that the table has: any other key is not there. Not for tries, where keys are prefixes. */
  readonly isWhole: boolean;
}

/** A version of a program, with two maps more than the original: the guard and the values. */
export interface Specialised {
  readonly program: ProgramSpec;
  readonly guard: MapSpec;
  readonly values: MapSpec;
  /** Contents of `values`. */
  readonly bytes: Uint8Array;
}

/** Undefined where the code grows past what jumps reach. `maps`: how many the program has. */
export function specialise(
  program: ProgramSpec,
  maps: number,
  plans: readonly SitePlan[],
  epoch: bigint,
): Specialised | undefined {
  const values = new ValueTable(plans);
  const edits = new Map<number, Insn[]>();
  let first = 0;
  for (const plan of plans) {
    edits.set(plan.site.pc, assembleSequence(siteText(plan, { maps, epoch, first, mask: values.mask })));
    first += plan.entries.filter(({ value }) => value !== undefined).length;
  }
  const rewritten = rewriteProgram(program, edits);
  if (rewritten === undefined) return undefined;
  const array = { type: 'array', keySize: 4, maxEntries: 1 } as const;
  return {
    program: { ...rewritten, lines: [] },
    guard: mapSpec({ ...array, name: 'jitnic_guard', valueSize: guardSize }),
    values: mapSpec({ ...array, name: 'jitnic_values', valueSize: values.bytes.length }),
    bytes: values.bytes,
  };
}

/**
 * Values of all known entries behind a table of where each is:
 *
 *     u32 offsets[entries]     padded to 8
 *     values, each on 8 bytes
 *     as many bytes as the largest value has, so that a value may begin at any masked offset
 */
class ValueTable {
  readonly bytes: Uint8Array;
  /** Offsets are multiples of 8 below a power of two. */
  readonly mask: number;

  constructor(plans: readonly SitePlan[]) {
    const found = plans.flatMap(({ entries }) => entries.flatMap(({ value }) => (value === undefined ? [] : [value])));
    const align = (n: number): number => (n + 7) & ~7;
    let end = align(4 * found.length);
    const offsets = found.map((value) => {
      const at = end;
      end += align(value.length);
      return at;
    });
    let size = 8;
    while (size < end) size *= 2;
    this.mask = size - 8;
    this.bytes = new Uint8Array(size + Math.max(8, ...plans.map(({ site }) => align(site.valueSize))));
    const view = new DataView(this.bytes.buffer);
    for (const [i, value] of found.entries()) {
      view.setUint32(4 * i, offsets[i] as number, true);
      this.bytes.set(value, offsets[i] as number);
    }
  }
}

/** What a site's code refers to. */
interface SiteContext {
  readonly maps: number;
  readonly epoch: bigint;
  /** Number of the site's first value in the table. */
  readonly first: number;
  readonly mask: number;
}

/** One piece of a key: its offset, and its bytes as a little-endian number. */
interface Piece {
  readonly at: number;
  readonly value: number;
}

/**
 * Code of a site; r1 and r2 stay as the call found them until `slow`, r3 and r4 are free, as the call clobbers them.
 */
function siteText({ site, entries, isWhole }: SitePlan, { maps, epoch, first, mask }: SiteContext): string {
  const width = pieceWidth(site);
  const keys = entries.map(({ key }) => piecesOf(key, width));
  // What all keys have in common is compared once, in front.
  const isCommon = (i: number): boolean =>
    keys.length > 0 && keys.every((key) => key[i]?.value === keys[0]?.[i]?.value);
  const pieces = keys[0] ?? [];
  const otherwise = isWhole ? 'absent' : 'slow';
  const compare = ({ at, value }: Piece, no: string): string => `
    r3 = *(u${8 * width} *)(r2 + ${at})
    if w3 != ${value | 0} goto ${no}`;
  let text = `
    r3 = map${maps} + 0 ll
    r3 = *(u64 *)(r3 + 0)
    r4 = ${epoch} ll
    if r3 != r4 goto slow`;
  for (const [i, piece] of pieces.entries()) if (isCommon(i) && keys.length > 1) text += compare(piece, otherwise);
  let number = first;
  for (const [i, { value }] of entries.entries()) {
    const own = (keys[i] ?? []).filter((_, piece) => keys.length === 1 || !isCommon(piece));
    for (const piece of own) text += compare(piece, `after${i}`);
    if (value === undefined) text += '\n goto absent';
    else text += `\n r4 = map${maps + 1} + 0 ll\n r3 = *(u32 *)(r4 + ${4 * number++})\n goto found`;
    text += `\n after${i}:`;
  }
  text += `\n goto ${otherwise}`;
  if (number > first) text += `\n found:\n r3 &= ${mask}\n r4 += r3\n r0 = r4\n goto done`;
  // The verifiers take no code that nothing reaches.
  if (text.includes('absent')) text += '\n absent:\n r0 = 0\n goto done';
  return `${text}\n slow:\n call bpf_map_lookup_elem\n done:\n`;
}

/** Little-endian, as the processor reads them from the stack. */
function piecesOf(key: Uint8Array, width: 1 | 2 | 4): Piece[] {
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  const pieces: Piece[] = [];
  for (let at = 0; at < key.length; at += width) {
    const value = width === 4 ? view.getUint32(at, true) : width === 2 ? view.getUint16(at, true) : view.getUint8(at);
    pieces.push({ at, value });
  }
  return pieces;
}

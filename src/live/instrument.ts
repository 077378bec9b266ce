/**
 * A program that notes, for a sample of its look-ups, by which key, and for a sample of its packets, their first
 * bytes. Pure: program in, program and layout out.
 *
 * Samples lie in one element of an array, a part for each CPU, so that CPUs write no line in common:
 *
 *     CPU:    packets u32, -, packet slots { length u32, -, bytes[256] } x 16, then sites
 *     site:   look-ups u32, -, key slots, each a power of two >= the key
 *
 * One look-up in 2^rate is noted, one packet in 2^(rate + 1); later ones overwrite earlier ones.
 *
 * Each count is also the place: its low bits say whether to note, the next ones where. So noting a key takes no lock,
 * no atomic and no helper but the CPU's number, and a look-up that is not noted costs some ten instructions. A place
 * is a function of the count alone, so a reader knows which slots were written.
 */
import { jumpTargets, rewriteProgram } from '../code/index.js';
import type { Insn } from '../isa/index.js';
import { type MapSpec, mapSpec, type ProgramSpec } from '../object/index.js';
import { assembleSequence, type LookupSite, pieceWidth } from './sites.js';

/** Bytes of a packet that are noted. */
export const notedBytes = 256;
// All counts of slots are powers of two: a number is made a place by a mask.
const packetSlots = 16;
const packetSlotSize = notedBytes + 8;
const packetsAt = 8;
const sitesAt = packetsAt + packetSlots * packetSlotSize;
/** Keys that are kept of a site on a CPU. */
const keySlots = 1024;

/** Where samples of a site lie. */
interface SiteLayout {
  readonly site: LookupSite;
  /** In a CPU's part. */
  readonly at: number;
  /** log2 of the bytes of a slot. */
  readonly shift: number;
}

/** An instrumented program; `samples` is one map more than the original has. */
export interface Instrumented {
  readonly program: ProgramSpec;
  readonly samples: MapSpec;
  readonly layout: SampleLayout;
}

/** How to read samples. */
export interface SampleLayout {
  readonly cpus: number;
  /** Bytes of a CPU's part. */
  readonly stride: number;
  readonly sites: readonly SiteLayout[];
}

/** What was noted of a site. */
export interface SiteSamples {
  readonly site: LookupSite;
  /** Look-ups, noted or not. */
  readonly lookups: number;
  /** Noted keys, as often as they were. */
  readonly keys: readonly Uint8Array[];
}

/** What was noted. */
export interface Samples {
  readonly packets: number;
  readonly sites: readonly SiteSamples[];
  /** First bytes of packets, and how long each was. */
  readonly noted: readonly { readonly data: Uint8Array; readonly length: number }[];
}

/** Undefined where the code grows past what jumps reach. `maps`: how many the program has. */
export function instrument(
  program: ProgramSpec,
  maps: number,
  sites: readonly LookupSite[],
  options: { readonly cpus: number; readonly rate: number },
): Instrumented | undefined {
  const { cpus, rate } = options;
  let at = sitesAt;
  const places = sites.map((site): SiteLayout => {
    const shift = Math.max(2, Math.ceil(Math.log2(site.keySize)));
    const place = { site, at, shift };
    at += 8 + (keySlots << shift);
    return place;
  });
  const stride = (at + 63) & ~63;
  const edits = new Map<number, Insn[]>();
  for (const place of places) edits.set(place.site.pc, assembleSequence(siteText(place, { maps, cpus, stride, rate })));
  const [first, second] = program.insns;
  if (first === undefined) return undefined;
  // The way in is taken once: nothing jumps to it.
  if (!jumpTargets(program.insns).has(0) && !edits.has(0)) {
    const own = first.code === 0x18 && second !== undefined ? [first, second] : [first];
    if (isPlain(first)) edits.set(0, [...assembleSequence(entryText({ maps, cpus, stride, rate: rate + 1 })), ...own]);
  }
  const rewritten = rewriteProgram(program, edits);
  if (rewritten === undefined) return undefined;
  const samples = mapSpec({
    name: 'jitnic_samples',
    type: 'array',
    keySize: 4,
    maxEntries: 1,
    valueSize: cpus * stride,
  });
  return { program: { ...rewritten, lines: [] }, samples, layout: { cpus, stride, sites: places } };
}

/** No jump, call or exit: it may be moved behind others. */
function isPlain({ code }: Insn): boolean {
  return (code & 7) !== 5 && (code & 7) !== 6;
}

/** What generated code refers to. */
interface Context {
  readonly maps: number;
  readonly cpus: number;
  readonly stride: number;
  readonly rate: number;
}

/** r3: place `at` of the CPU's part; r4: the count there, one more than it was, in units of 2^rate. */
function countText({ maps, cpus, stride, rate }: Context, at: number): string {
  return `
    call bpf_get_smp_processor_id
    if r0 >= ${cpus} goto go
    r0 *= ${stride}
    r3 = map${maps} + 0 ll
    r3 += r0
    r3 += ${at}
    r4 = *(u32 *)(r3 + 0)
    r4 += 1
    *(u32 *)(r3 + 0) = r4
    r5 = r4
    r5 &= ${2 ** rate - 1}
    if r5 != 0 goto go
    r4 >>= ${rate}`;
}

/** In front of a look-up: the key is on the stack already. r1 and r2 are made again, as the helper call had them. */
function siteText({ site, at, shift }: SiteLayout, context: Context): string {
  const width = pieceWidth(site);
  let text = `${countText(context, at)}
    r4 &= ${keySlots - 1}
    r4 <<= ${shift}
    r3 += r4`;
  for (let i = 0; i < site.keySize; i += width) {
    text += `\n r5 = *(u${8 * width} *)(r10 + ${site.keyAt + i})\n *(u${8 * width} *)(r3 + ${8 + i}) = r5`;
  }
  return `${text}
  go:
    r1 = map${site.map} ll
    r2 = r10
    r2 += ${site.keyAt}
    call bpf_map_lookup_elem`;
}

/**
 * At the way in no register but r1 holds anything, so r6 and r7 are free. Packets under 14 bytes have no Ethernet
 * header and cannot be test runs.
 */
function entryText(context: Context): string {
  return `
    r6 = r1
    ${countText(context, 0)}
    r4 &= ${packetSlots - 1}
    r4 *= ${packetSlotSize}
    r3 += r4
    r7 = r3
    r2 = *(u32 *)(r6 + 0)
    r4 = *(u32 *)(r6 + 4)
    r4 -= r2
    *(u32 *)(r7 + ${packetsAt}) = r4
    if r4 < 14 goto go
    if r4 < ${notedBytes} goto fits
    r4 = ${notedBytes}
  fits:
    r1 = r6
    r2 = 0
    r3 = r7
    r3 += ${packetsAt + 8}
    call bpf_xdp_load_bytes
  go:
    r1 = r6`;
}

/** Reads samples from the map's value. */
export function readSamples(bytes: Uint8Array, layout: SampleLayout, rate: number): Samples {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = Array.from({ length: layout.cpus }, (_, cpu) => cpu * layout.stride);
  const noted: { data: Uint8Array; length: number }[] = [];
  let packets = 0;
  for (const part of parts) {
    const count = view.getUint32(part, true);
    packets += count;
    for (let slot = 0; slot < packetSlots; slot++) {
      const at = part + packetsAt + slot * packetSlotSize;
      const length = view.getUint32(at, true);
      if (length < 14) continue;
      noted.push({ length, data: bytes.slice(at + 8, at + 8 + Math.min(length, notedBytes)) });
    }
  }
  const sites = layout.sites.map(({ site, at, shift }): SiteSamples => {
    const keys: Uint8Array[] = [];
    let lookups = 0;
    for (const part of parts) {
      const count = view.getUint32(part + at, true);
      lookups += count;
      const last = count >>> rate;
      for (let i = 1; i <= Math.min(last, keySlots); i++) {
        const slot = (last < keySlots ? i : i - 1) & (keySlots - 1);
        const from = part + at + 8 + (slot << shift);
        keys.push(bytes.slice(from, from + site.keySize));
      }
    }
    return { site, lookups, keys };
  });
  return { packets, sites, noted };
}

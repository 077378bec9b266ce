/** What of a packet is sent to the cores that do not get it: fields, and where they lie in an item. */
import { mask64, type Value } from '../ir/index.js';
import type { LineSpec } from '../object/index.js';
import { demandedBits } from '../opt/index.js';
import type { ScrCode } from './analysis-code.js';
import { cutOf, leastClockBits } from './analysis-cut.js';
import type { Slice } from './analysis-slice.js';
import type { ScrField, ScrLayout } from './layout.js';
import { slicedFunction } from './replay-function.js';

/** A run of bits of a value that the sequencer computes. */
export interface Run {
  readonly value: Value;
  /** First bit in the value. */
  readonly from: number;
  readonly bits: number;
}

/** A run and its place in an item. */
export interface PlacedRun extends Run {
  readonly field: ScrField;
}

/** The metadata of a program. */
export interface Metadata {
  readonly slice: Slice;
  readonly runs: readonly PlacedRun[];
  /** As for one core; {@link layoutFor} says it of others. */
  readonly layout: ScrLayout;
}

/** The least metadata that a slice can do with. */
export function metadataOf(slice: Slice): Metadata {
  const { scr } = slice;
  const code = slicedFunction(slice);
  const demanded = demandedBits(code);
  // Of what stands in no block nobody has asked which bits are looked at.
  const chosen = new Set([...scr.choices.values()].flatMap(({ loads }) => loads));
  for (const own of scr.packetArguments.values())
    for (const { loads } of own.values()) for (const load of loads) chosen.add(load);
  const maskOf = (value: Value): bigint => {
    let mask = 0n;
    for (const each of value.op === 'load' ? scr.allOf(value) : [value])
      mask |= (chosen.has(each) ? mask64 : (demanded[each.id] ?? 0n)) & each.ones;
    return mask;
  };
  const conditions = new Set<Value>();
  for (const end of slice.ends.values()) if (end.kind === 'branch') conditions.add(end.condition);
  const cut = cutOf(scr, slice.inputs, conditions, maskOf);
  const runs = cut.filter((value) => !scr.isClock(value)).flatMap((value) => runsOf(value, maskOf(value)));
  const clock = cut.find((value) => scr.isClock(value));
  return place(slice, runs, clock);
}

/** The layout for so many cores. */
export function layoutFor({ layout }: Metadata, cores: number, hasNumbers = false): ScrLayout {
  return { ...layout, cores, numberBytes: hasNumbers ? 4 : 0 };
}

/** Runs of 1s, lowest first. */
function runsOf(value: Value, mask: bigint): readonly Run[] {
  const runs: Run[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if (((mask >> BigInt(bit)) & 1n) === 0n) continue;
    const from = bit;
    while (bit < 64 && ((mask >> BigInt(bit)) & 1n) === 1n) bit++;
    runs.push({ value, from, bits: bit - from });
  }
  return runs;
}

/** Whole bytes first, widest first, so that they are read as they are; then single bits, presence, and the clock. */
function place(slice: Slice, runs: readonly Run[], clock: Value | undefined): Metadata {
  const sorted = [...runs].sort(
    (a, b) => Number(a.bits % 8 !== 0) - Number(b.bits % 8 !== 0) || b.bits - a.bits || a.value.id - b.value.id,
  );
  const placed: PlacedRun[] = [];
  let bit = 0;
  for (const run of sorted) {
    const { name, source } = describe(slice.scr, run);
    placed.push({ ...run, field: { name, bit, bits: run.bits, source } });
    bit += run.bits;
  }
  const fields = placed.map(({ field }) => field);
  let presence: ScrLayout['presence'] = { kind: 'header' };
  // In the item where a bit is free there or the header has the time instead.
  if (bit % 8 !== 0 || clock !== undefined) {
    presence = { kind: 'item', bit };
    fields.push({ name: 'present', bit, bits: 1, source: 'does the packet touch the state' });
    bit++;
  }
  let clockPlace: ScrLayout['clock'];
  if (clock !== undefined) {
    const end = Math.ceil((bit + leastClockBits) / 8) * 8;
    clockPlace = { bit, bits: end - bit };
    fields.push({ name: 'time', bit, bits: end - bit, source: 'clock of the sequencer, ns, low bits' });
    bit = end;
  }
  const metadataBytes = Math.ceil(bit / 8);
  const layout: ScrLayout = {
    dummyHeaderBytes: 14,
    numberBytes: 0,
    metadataBytes,
    cores: 1,
    fields,
    presence,
    clock: clockPlace,
  };
  return { slice, runs: placed, layout };
}

/** The source line that an instruction comes from. */
export function lineOf({ program }: ScrCode, value: Value): LineSpec | undefined {
  let line: LineSpec | undefined;
  if (value.origin.pc < 0) return undefined;
  for (const each of program.lines) {
    if (each.insn > value.origin.pc) break;
    line = each;
  }
  return line;
}

/** Name and source of a run. */
function describe(scr: ScrCode, { value, from, bits }: Run): { readonly name: string; readonly source: string } {
  const line = lineOf(scr, value);
  const at = line === undefined ? '' : ` (${line.file.replace(/^.*\//, '')}:${line.line})`;
  const part = from === 0 ? '' : `, bits ${from} to ${from + bits - 1}`;
  const { op, detail } = value;
  if (op === 'load' && detail?.kind === 'memory' && detail.space === 'packet') {
    const offset = packetPlace(value);
    const where =
      offset === undefined ? `${detail.size} B of the packet` : `packet bytes ${offset} to ${offset + detail.size - 1}`;
    return { name: offset === undefined ? `packet_${value.id}` : `packet_${offset}`, source: `${where}${part}${at}` };
  }
  if (op === 'len') return { name: 'length', source: `length of the packet${part}` };
  if (bits === 1) return { name: `condition_${value.id}`, source: `condition${at}` };
  return {
    name: `${op}_${value.id}`,
    source: `${op === 'phi' ? 'choice by the headers' : `computed (${op})`}${part}${at}`,
  };
}

/** Where in the packet a load reads, if that is the same for all packets. */
function packetPlace({ args, imm }: Value): number | undefined {
  const [base] = args;
  const offset = base?.op === 'ptr' ? base.args[0] : undefined;
  return offset?.op === 'const' ? Number(BigInt.asIntN(64, offset.imm + imm)) : undefined;
}

/** A ternary rule in words, field by field: `eth.type 0x0800, ip.src 10.0.0.0 & 255.0.0.0, len 34..63`. */
import { xdpMdFields } from '../platform/index.js';
import { formatField } from './byte-run.js';
import { Describer, type TraceNames } from './describe.js';
import type { Facts } from './facts.js';
import { mostLength } from './key-bits.js';
import { minimise } from './minimise.js';
import { type Lengths, type RowKey, rowCells, type TernaryCell } from './ternary-rows.js';

/** One field of a rule. */
export interface RuleField {
  readonly field: string;
  /** Packet fields: where they stand. */
  readonly offset?: number;
  /** Bytes; the number is read in network order. */
  readonly width: number;
  readonly mask: bigint;
  readonly value: bigint;
  readonly text: string;
}

/** A row's range of lengths in words; empty where it takes any. */
export function lengthText(lengths: Lengths | undefined): string {
  if (lengths === undefined) return '';
  const { lo, hi } = lengths;
  if (hi === mostLength) return `len >= ${lo}`;
  return lo === hi ? `len ${lo}` : lo === 0 ? `len <= ${hi}` : `len ${lo}..${hi}`;
}

/**
 * The bits of a row, field by field; names are those of the headers that the trace's own condition establishes. Its
 * range of lengths is told apart ({@link lengthText}).
 */
export function ruleFields({ bits }: RowKey, guards: Facts, names: TraceNames): RuleField[] {
  const describer = new Describer(minimise(guards).facts, names);
  const packet = { kind: 'packet', base: undefined } as const;
  const bytes = new Map<number, TernaryCell>();
  const fields: RuleField[] = [];
  const cells = rowCells(bits);
  for (const cell of cells) if (cell.column.kind === 'packet') bytes.set(cell.column.offset, cell);
  const done = new Set<number>();
  for (const cell of cells) {
    if (cell.column.kind !== 'packet') {
      fields.push(numberField(cell));
      continue;
    }
    if (done.has(cell.column.offset)) continue;
    const { offset, width } = describer.fieldOf(packet, cell.column.offset);
    let mask = 0n;
    let value = 0n;
    for (let at = offset; at < offset + width; at++) {
      const byte = bytes.get(at);
      mask = (mask << 8n) | BigInt(byte?.mask ?? 0);
      value = (value << 8n) | BigInt(byte?.value ?? 0);
      done.add(at);
    }
    const every = (1n << BigInt(8 * width)) - 1n;
    const words = describer.run(packet, { offset, width, mask: every });
    const format = mask !== every && words.format === 'dec' ? 'hex' : words.format;
    const show = (x: bigint): string => formatField(x, format, width);
    const text = mask === every ? `${words.text} ${show(value)}` : `${words.text} ${show(value)} & ${show(mask)}`;
    fields.push({ field: words.text, offset, width, mask, value, text });
  }
  return fields;
}

/** Lengths and context fields. A mask without its low bits is an interval. */
function numberField(cell: TernaryCell): RuleField {
  const { column, mask, value } = cell;
  const field =
    column.kind === 'len'
      ? 'len'
      : column.kind === 'metalen'
        ? 'meta_len'
        : column.kind === 'ctx'
          ? `ctx.${xdpMdFields[column.offset / 4] ?? column.offset}`
          : '';
  const width = column.kind === 'len' ? 20 : column.kind === 'metalen' ? 8 : 32;
  const free = 2 ** width - 1 - mask;
  const isPrefix = Number.isInteger(Math.log2(free + 1));
  const text = isPrefix
    ? free === 0
      ? `${field} ${value}`
      : `${field} ${value}..${value + free}`
    : `${field} 0x${value.toString(16)} & 0x${mask.toString(16)}`;
  return { field, width: Math.ceil(width / 8), mask: BigInt(mask), value: BigInt(value), text };
}

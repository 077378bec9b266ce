/**
 * What the sequencer does with a packet: the item that tells the other cores of it. Values are computed when they are
 * asked for, so nothing is read that the program would not read; what it would not read counts as 0.
 */
import { type Block, opTable, type Value } from '../ir/index.js';
import { constantAt, type ScrCode } from './analysis-code.js';
import type { ScrLayout } from './layout.js';
import type { Metadata } from './metadata.js';

/** Addresses of constant maps, for as long as one packet is looked at: map in the high half. */
const mapShift = 40n;

/** Makes items of packets. */
export class Sequencer {
  readonly layout: ScrLayout;
  private readonly metadata: Metadata;
  private readonly scr: ScrCode;
  private packet: Uint8Array = new Uint8Array(0);
  private time = 0n;
  private readonly values = new Map<Value, bigint>();

  constructor(metadata: Metadata) {
    this.metadata = metadata;
    this.scr = metadata.slice.scr;
    this.layout = metadata.layout;
  }

  /** The item of a packet that arrives at `time` (ns); undefined where it does not touch the state. */
  item(packet: Uint8Array, time: bigint): Uint8Array | undefined {
    this.packet = packet;
    this.time = time;
    this.values.clear();
    if (!this.isPresent()) return undefined;
    const { layout, runs } = this.metadata;
    const item = new Uint8Array(layout.metadataBytes);
    for (const { value, from, field } of runs)
      putBits(item, field.bit, field.bits, this.valueOf(value) >> BigInt(from));
    if (layout.presence.kind === 'item') putBits(item, layout.presence.bit, 1, 1n);
    if (layout.clock !== undefined) putBits(item, layout.clock.bit, layout.clock.bits, time);
    return item;
  }

  /** Can a change of state be reached, whatever the state is? */
  private isPresent(): boolean {
    const { scr, slice } = { scr: this.scr, slice: this.metadata.slice };
    const seen = new Set<number>();
    const work = slice.live.has(0) ? [0] : [];
    for (let id = work.pop(); id !== undefined; id = work.pop()) {
      if (seen.has(id) || !slice.live.has(id)) continue;
      seen.add(id);
      const { pinned, end } = scr.code.blocks[id] as Block;
      if (pinned.some((value) => scr.roots.has(value))) return true;
      if (end.kind === 'branch') {
        if (scr.knower(end.condition) === 'core') work.push(end.yes, end.no);
        else work.push(this.valueOf(end.condition) !== 0n ? end.yes : end.no);
      } else if (end.kind === 'jump' || end.kind === 'tail call') work.push(end.to);
    }
    return false;
  }

  private valueOf(value: Value): bigint {
    const known = this.values.get(value);
    if (known !== undefined) return known;
    const result = BigInt.asUintN(64, this.compute(value));
    this.values.set(value, result);
    return result;
  }

  private compute(value: Value): bigint {
    const { op, args, imm, detail } = value;
    const [a, b, c] = args as [Value, Value, Value];
    switch (op) {
      case 'const':
        return imm;
      case 'len':
        return BigInt(this.packet.length);
      case 'data':
        return (imm + 1n) << mapShift;
      case 'ptr':
        return this.valueOf(a);
      case 'select':
        return this.valueOf(this.valueOf(a) !== 0n ? b : c);
      case 'phi':
        return this.choose(value);
      case 'call':
        return this.time;
      case 'load': {
        if (detail?.kind !== 'memory') return 0n;
        const at = BigInt.asIntN(64, this.valueOf(a) + imm);
        if (detail.space === 'packet') return this.bytes(Number(at), detail.size);
        const map = Number(at >> mapShift) - 1;
        return constantAt(this.scr.world, map, Number(at & ((1n << mapShift) - 1n)), detail.size);
      }
      default: {
        const evaluate = opTable[op].evaluate;
        return evaluate === undefined ? 0n : evaluate(this.valueOf(a), b === undefined ? 0n : this.valueOf(b));
      }
    }
  }

  /** Little-endian; bytes behind the end are 0. */
  private bytes(at: number, size: number): bigint {
    let result = 0n;
    for (let i = size - 1; i >= 0; i--) result = (result << 8n) | BigInt(this.packet[at + i] ?? 0);
    return result;
  }

  /** A phi: the way that this packet takes from the block's dominator on. */
  private choose(phi: Value): bigint {
    const { scr } = this;
    const home = scr.home.get(phi) as number;
    const block = scr.code.blocks[home] as Block;
    let at = scr.dominator(home);
    for (let steps = 0; steps < scr.code.blocks.length; steps++) {
      const { end } = scr.code.blocks[at] as Block;
      let to = -1;
      if (end.kind === 'jump') to = end.to;
      else if (end.kind === 'branch') to = this.valueOf(end.condition) !== 0n ? end.yes : end.no;
      if (to === home) {
        const arg = scr.args(phi)[block.preds.indexOf(at)];
        return arg === undefined ? 0n : this.valueOf(arg);
      }
      // The packet does not come here: nobody looks at the value.
      if (to < 0) return 0n;
      at = to;
    }
    return 0n;
  }
}

/** Puts the low `bits` bits of a number at bit `bit` of an item. */
function putBits(item: Uint8Array, bit: number, bits: number, value: bigint): void {
  for (let i = 0; i < bits; i++) {
    if (((value >> BigInt(i)) & 1n) === 0n) continue;
    const at = bit + i;
    item[at >> 3] = (item[at >> 3] as number) | (1 << (at & 7));
  }
}

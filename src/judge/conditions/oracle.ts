/**
 * The second opinion about matchers: whether the packet in a machine satisfies a path condition, worked out from the
 * condition's normal form, conjunct by conjunct, and from nothing that a card runs. For tests and for the judge; no
 * packet path goes through here.
 */

import {
  type Bit,
  type Conjunct,
  type Facts,
  holdsAt,
  indexOf,
  isInverted,
  type Source,
  sourceOf,
} from '../../condition/index.js';
import { evaluate, type Value } from '../../ir/index.js';
import { locate, staticIn } from '../../jit/index.js';
import { type Machine, type Region, Registers } from '../../vm/index.js';
import { ProgArrayMap } from '../../vm/maps/index.js';

/** An access outside of what the packet or a map has. */
class Unreadable extends Error {}

/** A value that only the trace's own effects bring about. */
class Late extends Error {}

/** Reads the machine's current packet and maps; it changes nothing but its own key. */
export class ConditionOracle {
  private readonly machine: Machine;
  private readonly key: number;
  private readonly registers = new Registers();
  private memo = new Map<Value, bigint>();

  /** `keys`: as large as the largest key. */
  constructor(machine: Machine, keys: Region) {
    this.machine = machine;
    this.key = keys.start;
  }

  /** Call it for each packet, before the first question. */
  reset(): void {
    this.memo = new Map();
  }

  /**
   * Whether all parts hold for the packet that is in the machine, as it arrived; undefined if one speaks of what the
   * trace does itself.
   */
  holds(facts: Facts, parts: readonly Conjunct[]): boolean | undefined {
    let late = false;
    for (const part of parts) {
      const holds = this.holdsPart(facts, part);
      if (holds === false) return false;
      if (holds === undefined) late = true;
    }
    return late ? undefined : true;
  }

  /**
   * Undefined where that is only known later in the trace. Unreadable memory means that the packet is not the trace's.
   */
  holdsPart(facts: Facts, part: Conjunct): boolean | undefined {
    try {
      return holdsAt(
        part,
        (bit) => this.bit(facts, bit),
        (value) => this.value(value),
      );
    } catch (error) {
      if (error instanceof Unreadable) return false;
      if (error instanceof Late) return undefined;
      throw error;
    }
  }

  /** What a guard asks, for the packet in the machine; undefined where nothing can be said before the trace runs. */
  answer(question: Value): boolean | undefined {
    try {
      return this.value(question) !== 0n;
    } catch (error) {
      if (error instanceof Unreadable || error instanceof Late) return undefined;
      throw error;
    }
  }

  /** One bit, read from where it comes from. */
  private bit(facts: Facts, bit: Bit): number {
    if (bit < 2) return bit;
    const source = facts.sources.sources[sourceOf(bit)] as Source;
    const index = indexOf(bit);
    const own =
      source.kind === 'value'
        ? Number((this.value(source.value) >> BigInt(index)) & 1n)
        : this.memoryBit(source, index);
    return isInverted(bit) ? 1 - own : own;
  }

  private memoryBit(source: Exclude<Source, { kind: 'value' }>, index: number): number {
    const byte = Math.floor(index / 8);
    const base = source.base === undefined ? 0n : this.value(source.base);
    if (this.isNothing(source.base)) return 0;
    let start = this.packetStart;
    if (source.kind === 'map') {
      start = BigInt(source.start);
      if (source.cell !== undefined) start += BigInt(locate(this.machine, { ...source.cell, offset: 0 }));
    }
    const address = start + base + BigInt(byte);
    return Number((this.load(address, 1) >> BigInt(index - 8 * byte)) & 1n);
  }

  /**
   * A look-up that found nothing. What is read through it is part of a join whose other side the packet takes:
   * whatever it is, nothing hangs on it.
   */
  private isNothing(base: Value | undefined): boolean {
    return base?.op === 'lookup' && this.value(base) === 0n;
  }

  private get packetStart(): bigint {
    return this.machine.lane.packet.pointerTo(0n);
  }

  /** Little-endian, one byte after another: alignment is none of its business. */
  private load(address: bigint, size: number): bigint {
    const at = BigInt.asUintN(64, address);
    const { memory } = this.machine;
    if (at > 0xffff_ffffn || !memory.canRead(Number(at), size)) throw new Unreadable();
    let value = 0n;
    for (let i = 0; i < size; i++) value |= BigInt(memory.load8(Number(at) + i)) << BigInt(8 * i);
    return value;
  }

  private value(value: Value): bigint {
    return evaluate(value, (leaf) => this.leaf(leaf), this.memo);
  }

  /** An input of the trace: lengths, context, time and the like, loads and look-ups. */
  private leaf(value: Value): bigint {
    const { machine } = this;
    const { detail } = value;
    const argument = (): bigint => this.value(value.args[0] as Value);
    const fixed = staticIn(machine, value);
    if (fixed !== undefined) return fixed;
    switch (value.op) {
      case 'len':
        return BigInt(machine.lane.packet.linearLength);
      case 'metalen':
        return BigInt(machine.lane.packet.metaLength);
      case 'ctx':
        return BigInt(machine.lane.contextField(Number(value.imm)));
      case 'env':
        machine.callHelper(Number(value.imm), this.registers, { call: () => undefined });
        return this.registers.u64[0] as bigint;
      case 'ptr':
        return BigInt.asUintN(64, this.packetStart + argument());
      case 'load':
        if (!value.early || detail?.kind !== 'memory') throw new Late();
        if (this.isNothing(value.args[0])) return 0n;
        return this.load(argument() + value.imm, detail.size);
      case 'lookup':
        if (!value.early || detail?.kind !== 'lookup') throw new Late();
        return this.lookup(
          value,
          detail.map,
          detail.pieces.map((piece) => piece.size),
        );
      case 'slot': {
        const map = detail?.kind === 'slot' ? machine.maps[detail.map] : undefined;
        return map instanceof ProgArrayMap ? BigInt(map.programAt(Number(argument()))) : 0n;
      }
      default:
        throw new Late();
    }
  }

  /** The address of the element under a key that is put together from parts, or 0. */
  private lookup(value: Value, map: number, sizes: readonly number[]): bigint {
    const { u8 } = this.machine.memory;
    // All parts first: one of them may take a look-up of its own.
    const parts = value.args.map((arg) => this.value(arg));
    let at = this.key;
    for (const [i, size] of sizes.entries()) {
      const part = parts[i] as bigint;
      for (let b = 0; b < size; b++) u8[at++] = Number((part >> BigInt(8 * b)) & 0xffn);
    }
    return BigInt(this.machine.maps[map]?.lookup(this.key, this.machine.lane.cpu) ?? 0);
  }
}

/**
 * What a value of a trace is in a pipeline: wires, a slot of a stage, an access of a map's memory, a unit beside.
 * Latencies are in stages: the result is there so many stages behind the one in which the operation stands.
 *
 * Constant shifts, byte swaps, masks and extensions are wires, as are packet bytes at constant offsets: they cost
 * nothing (yosys, UltraScale+). An addition or comparison of 64 bits is what fits a stage at 250 MHz. A packet byte at
 * a variable offset goes through a barrel of the whole frame.
 */
import { isConst, isFixed, isPacketAccess, packetOffset, type Value } from '../../ir/index.js';
import type { MapSpec } from '../../object/index.js';
import { helperRow } from '../../platform/index.js';
import { type CardDescription, memoriesOf, numberOf } from '../description.js';

/** What a value takes. */
export type Operation =
  | { readonly kind: 'wire' }
  | { readonly kind: 'guard' }
  /** Something that one of the stage's slots does. */
  | { readonly kind: 'slot'; readonly latency: number; readonly isBarrel: boolean }
  /** An access of a map; `writes`: others see what it did, so it may be done for a packet of this trace only. */
  | {
      readonly kind: 'memory';
      readonly latency: number;
      readonly map: number;
      readonly reads: boolean;
      readonly writes: boolean;
    }
  /** A helper, which has a unit of its own at each place where it is called. */
  | { readonly kind: 'unit'; readonly latency: number; readonly isShared: boolean };

/** Stages of arithmetic that does not fit one: multipliers are three blocks deep, a divider does four bits a stage. */
const multiplyStages = 3;
const divideStages = 16;
/** Stages of a helper: a checksum of a header's bytes, two random numbers, a route. */
const helperStages = 4;
/** Stages of a hash of up to 32 bytes, and of comparing the key that was found. */
const hashStages = 1;
const compareStages = 1;
/** Memories that a longest prefix is looked for in, one after the other: eight bits each. */
const prefixLevels = 4;

/** Changes that others see; where the packet goes and what it holds is its own. */
const ownChanges: readonly string[] = ['packet', 'redirect'];

/** Stages from an address to the data of the memory that holds maps. */
export function mapLatency(card: CardDescription): number {
  const memory = memoriesOf(card).find((name) =>
    card.parameters.get(`memories.${name}.holds`)?.value.toString().includes('maps'),
  );
  return memory === undefined ? 1 : numberOf(card, `memories.${memory}.latency`);
}

/** Stages of a look-up by key. */
function lookupLatency(type: string, memory: number): number {
  if (type.includes('lpm')) return prefixLevels * memory;
  if (type.includes('hash')) return hashStages + memory + compareStages;
  return memory;
}

/**
 * Where an access of the packet at a constant offset ends, in bytes from the packet's beginning; undefined: it is
 * none, or its offset varies.
 */
export function packetEnd(value: Value): number | undefined {
  const { imm, detail } = value;
  if (detail?.kind !== 'memory' || !isPacketAccess(value)) return undefined;
  const offset = packetOffset(value);
  return isConst(offset) ? Number(imm + BigInt.asIntN(64, offset.imm)) + detail.size : undefined;
}

/** What the value takes on a card whose maps answer after `memory` stages. */
export function operationOf(value: Value, maps: readonly MapSpec[], memory: number): Operation {
  const { op, args, detail } = value;
  const [, second] = args;
  const slot = (latency: number, isBarrel = false): Operation => ({ kind: 'slot', latency, isBarrel });
  if (isFixed(value)) return { kind: 'wire' };
  switch (op) {
    case 'len':
    case 'metalen':
    case 'ctx':
    case 'env':
    case 'ptr':
    case 'ret':
    case 'element':
    case 'sext8':
    case 'sext16':
    case 'sext32':
    case 'bswap16':
    case 'bswap32':
    case 'bswap64':
      return { kind: 'wire' };
    case 'guard':
      return { kind: 'guard' };
    case 'and':
    case 'or':
    case 'xor':
    case 'shl':
    case 'shr':
    case 'sar':
    case 'shl32':
    case 'sar32':
      return args.some(isConst) ? { kind: 'wire' } : slot(1);
    case 'mul':
    case 'mul32':
      return slot(multiplyStages);
    case 'udiv':
    case 'umod':
    case 'sdiv':
    case 'smod':
    case 'sdiv32':
    case 'smod32':
      return second !== undefined && isPowerOfTwo(second) && op.startsWith('u') ? { kind: 'wire' } : slot(divideStages);
    case 'load':
    case 'store':
    case 'fill':
      if (detail?.kind === 'memory' && (detail.space === 'map' || detail.space === 'other')) {
        const isLoad = op === 'load';
        return { kind: 'memory', latency: memory, map: detail.map, reads: isLoad, writes: !isLoad };
      }
      if (isPacketAccess(value) && !isConst(packetOffset(value))) return slot(1, true);
      return op === 'load' ? { kind: 'wire' } : slot(1);
    case 'atomic':
      if (detail?.kind !== 'atomic') return slot(1);
      return { kind: 'memory', latency: memory, map: detail.map, reads: true, writes: true };
    case 'lookup':
    case 'slot': {
      const map = detail?.kind === 'lookup' || detail?.kind === 'slot' ? detail.map : -1;
      const latency = lookupLatency(maps[map]?.type ?? 'hash', memory);
      return { kind: 'memory', latency, map, reads: true, writes: false };
    }
    case 'call':
      return callOf(value, maps, memory);
    default:
      return slot(1);
  }
}

/** A helper: one that changes a map's elements is an access of that map. */
function callOf({ args, detail }: Value, maps: readonly MapSpec[], memory: number): Operation {
  if (detail?.kind !== 'call') return { kind: 'unit', latency: helperStages, isShared: true };
  const changes = helperRow(detail.helper)?.changes ?? [];
  const map = args.find(({ op }) => op === 'map');
  if (map !== undefined && changes.includes('elements')) {
    const index = Number(map.imm);
    const latency = lookupLatency(maps[index]?.type ?? 'hash', memory);
    return { kind: 'memory', latency, map: index, reads: true, writes: true };
  }
  const isShared = detail.visible && changes.some((change) => !ownChanges.includes(change));
  return { kind: 'unit', latency: helperStages, isShared };
}

function isPowerOfTwo({ op, imm }: Value): boolean {
  return op === 'const' && imm > 0n && (imm & (imm - 1n)) === 0n;
}

/**
 * Which element an access is about, of a packet's bytes alone: what an address comes from (a look-up's key, an index)
 * is computed where nothing but the packet goes into it. So who counts collisions need not run the trace.
 *
 * A key of plain fields is told by their bytes, and so is what takes much computing (an index that is a hash): packets
 * with the same bytes have the same element, and others collide by chance only, which is not counted.
 */
import { isConst, isPacketAccess, isStatic, opTable, packetOffset, type Value } from '../../ir/index.js';
import { mix32 } from '../../packet/index.js';
import type { KeyedAccess } from './hazards.js';
import type { MapAccess } from './lower.js';
import { packetEnd } from './operation.js';

/** A number that stands for the element that a packet's access is about. */
type KeyOf = (packet: Uint8Array) => number;

/** Accesses of a trace, with what tells their elements. */
export class ElementKeys {
  private readonly accesses: KeyedAccess[] = [];
  private readonly keys: (KeyOf | undefined)[] = [];

  /** `isWritten`: maps that nobody writes are no reason to collide. */
  constructor(accesses: readonly MapAccess[], isWritten: (map: number) => boolean) {
    for (const { map, read, write, isAtomic, value } of accesses) {
      if (!isWritten(map)) continue;
      this.accesses.push({ map, key: undefined, read, write, isAtomic });
      this.keys.push(keyOf(value));
    }
  }

  /** The accesses of one packet; good until the next call. */
  of(packet: Uint8Array): readonly KeyedAccess[] {
    const { accesses, keys } = this;
    for (let i = 0; i < keys.length; i++) (accesses[i] as KeyedAccess).key = keys[i]?.(packet);
    return accesses;
  }
}

/** Undefined where something but the packet says which element it is. */
function keyOf(access: Value): KeyOf | undefined {
  const found = access.op === 'lookup' ? access : rootOf(access.args[0]);
  if (found === undefined) return undefined;
  // A place that does not vary.
  if (isStatic(found)) return () => 0;
  const parts = found.args;
  if ((found.op !== 'lookup' && found.op !== 'element') || !parts.every(isOfPacket)) return undefined;
  const cone = new Set<Value>();
  for (const part of parts) collect(part, cone);
  const steps = [...cone].filter(({ op }) => op !== 'load' && op !== 'const' && !op.startsWith('bswap')).length;
  return steps === 0 || steps > mostSteps ? bytesKey([...cone]) : valueKey(parts);
}

/** Operations that are computed for each packet, with what is shared computed again. */
const mostSteps = 6;

function collect(value: Value, into: Set<Value>): void {
  if (into.has(value)) return;
  into.add(value);
  if (value.op !== 'load') for (const arg of value.args) collect(arg, into);
}

/** The bytes that go into a key, as FNV-1a hashes them. */
function bytesKey(cone: readonly Value[]): KeyOf {
  const offsets = new Set<number>();
  for (const value of cone) {
    const end = packetEnd(value);
    if (value.detail?.kind !== 'memory' || end === undefined) continue;
    for (let at = end - value.detail.size; at < end; at++) offsets.add(at);
  }
  const bytes = Int32Array.from([...offsets].sort((a, b) => a - b));
  return (packet) => {
    let hash = 0x811c_9dc5;
    for (const at of bytes) hash = Math.imul(hash ^ (packet[at] ?? 0), 0x0100_0193);
    return hash >>> 0;
  };
}

/** The values that make up a key. */
function valueKey(parts: readonly Value[]): KeyOf {
  return (packet) => {
    let hash = 1;
    for (const part of parts) {
      const value = evaluate(part, packet);
      hash = mix32(mix32(hash, Number(value & 0xffff_ffffn)), Number(value >> 32n));
    }
    return hash;
  };
}

/** What an address within an element comes from. */
function rootOf(address: Value | undefined): Value | undefined {
  if (address?.op !== 'add') return address;
  const [a, b] = address.args;
  return b !== undefined && isConst(b) ? rootOf(a) : undefined;
}

/** Computed of bytes at constant offsets, and of nothing else. */
function isOfPacket(value: Value): boolean {
  if (isConst(value)) return true;
  if (value.op === 'load') return isPacketAccess(value) && isConst(packetOffset(value));
  return opTable[value.op].evaluate !== undefined && value.args.every(isOfPacket);
}

function evaluate(value: Value, packet: Uint8Array): bigint {
  const { op, args, imm, detail } = value;
  if (isConst(value)) return imm;
  if (op === 'load' && detail?.kind === 'memory') {
    const at = Number(BigInt.asIntN(64, packetOffset(value).imm) + imm);
    let bytes = 0n;
    for (let i = detail.size - 1; i >= 0; i--) bytes = (bytes << 8n) | BigInt(packet[at + i] ?? 0);
    return bytes;
  }
  const [a, b] = args.map((arg) => evaluate(arg, packet));
  return opTable[op].evaluate?.(a ?? 0n, b ?? 0n) ?? 0n;
}

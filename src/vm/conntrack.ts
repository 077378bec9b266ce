/**
 * Connections that bpf_xdp_ct_lookup finds and bpf_ct_insert_entry adds: what is in the table at first comes from a
 * JSON file (docs/tables.md). Programs see a connection as a `struct nf_conn` in guest memory
 * (platform/kernel-struct.ts), and all that changes lies there too, so a packet's changes can be undone.
 *
 * Two regions, one that no program reaches, and the connections:
 *
 *     buckets  u32 each: the first tuple of a chain, as `2 * slot + direction + 1`, or 0
 *              u32: the first free slot + 1, or 0
 *              u32: connections of the file, from the first slot on, whose timeout is still to be counted from now on
 *     slots    256 bytes each: struct nf_conn (248); 248 u32 state of the slot; 252 u32 next free slot + 1
 *
 * A chain goes on in the lower half of `tuplehash[direction].hnnode.next`, which is a pointer for programs.
 */
import { parseIp } from '../packet/index.js';
import { connStatus, nfConnAt, tupleAt } from '../platform/index.js';
import { JsonFields } from './json-fields.js';
import type { GuestMemory } from './memory.js';

/** Addresses and ports of one direction. Addresses have 4 or 16 bytes. */
export interface Flow {
  readonly source: Uint8Array;
  readonly sourcePort: number;
  readonly destination: Uint8Array;
  readonly destinationPort: number;
}

/** A connection of the table. */
export interface Connection {
  readonly protocol: 'tcp' | 'udp';
  readonly original: Flow;
  /** What answers look like: the other way round, unless addresses are translated. */
  readonly reply: Flow;
  /** Seconds until it is forgotten, from the first packet on that asks for a connection. */
  readonly timeout: number;
  /** Bits of {@link connStatus}. */
  readonly status: number;
  readonly mark: number;
  readonly secmark: number;
  readonly zone: number;
}

/** Connections, and how many there may be. */
export class ConntrackTable {
  readonly connections: readonly Connection[];
  /** net.netfilter.nf_conntrack_max. */
  readonly max: number;

  constructor(connections: readonly Connection[] = [], max = 1024) {
    this.connections = connections;
    this.max = Math.max(max, connections.length);
  }

  /** Reads the JSON form. Throws InputError naming the entry. */
  static parse(json: unknown, file?: string): ConntrackTable {
    const root = new JsonFields(json, 'the table', file).only('max', 'connections');
    const connections = root.list('connections').map(readConnection);
    return new ConntrackTable(connections, root.integer('max', 1 << 20, 1024));
  }
}

const protocols = { tcp: 6, udp: 17 } as const;
const inet = 2;
const inet6 = 10;

/** Distance of slots; more than a struct nf_conn by the two words behind it. */
export const connStride = 256;
const stateAt = 248;
const nextFreeAt = 252;

/** What a slot is: free, made but not in the table yet, in the table, or taken out of it and still held. */
export const slotState = { free: 0, fresh: 1, listed: 2, removed: 3 } as const;

/** A tuple as it lies in guest memory, its direction last; zone ids are compared beside it. */
const keyBytes = tupleAt.direction;

/** The table as it is in one machine's guest memory; see the head of this file. */
export class Conntrack {
  private readonly memory: GuestMemory;
  private readonly buckets: number;
  private readonly bucketMask: number;
  private readonly freeHead: number;
  private readonly notStarted: number;
  private readonly slots: number;
  private readonly end: number;

  /** Lays the table out; the first of several machines on one memory fills it ({@link fill}). */
  constructor(memory: GuestMemory, max: number) {
    this.memory = memory;
    const count = 2 ** Math.ceil(Math.log2(Math.max(2 * max, 2)));
    const heads = memory.allocate('scratch', 'connection table', 4 * count + 8);
    heads.hi = heads.lo;
    this.buckets = heads.start;
    this.bucketMask = count - 1;
    this.freeHead = heads.start + 4 * count;
    this.notStarted = this.freeHead + 4;
    const slots = memory.allocate('scratch', 'connection', connStride * max);
    slots.stride = connStride;
    slots.span = nfConnAt.size;
    this.slots = slots.start;
    this.end = slots.start + connStride * max;
  }

  /** Puts the table's connections in; `hz`: jiffies a second. */
  fill(connections: readonly Connection[], hz: number): void {
    const { memory } = this;
    memory.store32(this.notStarted, connections.length);
    for (let at = this.end - connStride; at >= this.slots; at -= connStride) this.free(at);
    for (const { protocol, original, reply, timeout, status, mark, secmark, zone } of connections) {
      const at = this.allocate();
      for (const [direction, flow] of [original, reply].entries())
        this.writeTuple(this.tuple(at, direction), encodeTuple(flow, protocols[protocol], direction));
      memory.store16(at + nfConnAt.zoneId, zone);
      memory.store8(at + nfConnAt.zoneDir, 3);
      memory.store32(at + nfConnAt.status, status | connStatus.confirmed);
      memory.store32(at + nfConnAt.timeout, (timeout * hz) >>> 0);
      memory.store32(at + nfConnAt.mark, mark);
      memory.store32(at + nfConnAt.secmark, secmark);
      memory.store32(at + nfConnAt.use, 1);
      this.link(at);
    }
  }

  /**
   * Timeouts of the file count from the first packet that asks: captures have times of their own, which no one knows
   * before. `now`: the packet's jiffies.
   */
  start(now: number): void {
    const { memory } = this;
    const count = memory.load32(this.notStarted);
    if (count === 0) return;
    memory.store32(this.notStarted, 0);
    for (let i = 0; i < count; i++) {
      const at = this.slots + i * connStride + nfConnAt.timeout;
      memory.store32(at, (memory.load32(at) + now) >>> 0);
    }
  }

  /** Address of a tuple of the connection at `at`. */
  tuple(at: number, direction: number): number {
    return at + (nfConnAt.tuples[direction] ?? 0);
  }

  writeTuple(at: number, bytes: Uint8Array): void {
    this.memory.write(at, bytes);
  }

  /** State of the slot at `address`; undefined where no slot begins. */
  stateOf(address: number): number | undefined {
    if (address < this.slots || address >= this.end || (address - this.slots) % connStride !== 0) return undefined;
    return this.memory.load32(address + stateAt);
  }

  /** A new connection, all zero, or 0 where the table is full. */
  allocate(): number {
    const { memory } = this;
    const next = memory.load32(this.freeHead);
    if (next === 0) return 0;
    const at = this.slots + (next - 1) * connStride;
    memory.store32(this.freeHead, memory.load32(at + nextFreeAt));
    memory.write(at, new Uint8Array(nfConnAt.size));
    memory.store32(at + stateAt, slotState.fresh);
    return at;
  }

  free(at: number): void {
    const { memory } = this;
    memory.store32(at + stateAt, slotState.free);
    memory.store32(at + nextFreeAt, memory.load32(this.freeHead));
    memory.store32(this.freeHead, (at - this.slots) / connStride + 1);
  }

  /** Puts a connection in the table, under both of its tuples. */
  link(at: number): void {
    const { memory } = this;
    memory.store32(at + stateAt, slotState.listed);
    for (const direction of [0, 1]) {
      const head = this.bucketOf(memory.read(this.tuple(at, direction), keyBytes));
      memory.store32(this.chain(at, direction), memory.load32(head));
      memory.store32(head, 2 * ((at - this.slots) / connStride) + direction + 1);
    }
  }

  /** Takes a connection out of the table. */
  unlink(at: number): void {
    const { memory } = this;
    memory.store32(at + stateAt, slotState.removed);
    for (const direction of [0, 1]) {
      let link = this.bucketOf(memory.read(this.tuple(at, direction), keyBytes));
      for (;;) {
        const next = memory.load32(link);
        if (next === 0) break;
        const [other, otherDirection] = this.entry(next);
        if (other === at && otherDirection === direction) {
          memory.store32(link, memory.load32(this.chain(at, direction)));
          break;
        }
        link = this.chain(other, otherDirection);
      }
    }
  }

  /**
   * The connection in the table with this tuple in a zone, and the tuple's direction in it. `zone`: the zone's id in
   * either direction. `skip`: a connection that is not meant.
   */
  find(tuple: Uint8Array, zone: readonly [number, number], skip = 0): readonly [number, number] | undefined {
    const { memory } = this;
    const key = tuple.subarray(0, keyBytes);
    let next = memory.load32(this.bucketOf(key));
    while (next !== 0) {
      const [at, direction] = this.entry(next);
      const own = memory.read(this.tuple(at, direction), keyBytes);
      const isSame = own.every((byte, i) => byte === key[i]) && this.zoneOf(at, direction) === zone[direction];
      if (isSame && at !== skip) return [at, direction];
      next = memory.load32(this.chain(at, direction));
    }
    return undefined;
  }

  /** The zone of a connection in one direction (nf_ct_zone_id): that of directions which it leaves out is 0. */
  zoneOf(at: number, direction: number): number {
    const has = (this.memory.load8(at + nfConnAt.zoneDir) & (1 << direction)) !== 0;
    return has ? this.memory.load16(at + nfConnAt.zoneId) : 0;
  }

  private chain(at: number, direction: number): number {
    return this.tuple(at, direction) - 16;
  }

  private entry(link: number): readonly [number, number] {
    return [this.slots + ((link - 1) >>> 1) * connStride, (link - 1) & 1];
  }

  /** FNV-1a: which bucket a tuple is in shows nowhere, so any hash does. */
  private bucketOf(key: Uint8Array): number {
    let hash = 0x811c9dc5;
    for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193);
    return this.buckets + 4 * ((hash ^ (hash >>> 15)) & this.bucketMask);
  }
}

/** struct nf_conntrack_tuple. Ports in network order. */
export function encodeTuple(flow: Flow, protocol: number, direction: number): Uint8Array {
  const bytes = new Uint8Array(tupleAt.size);
  const view = new DataView(bytes.buffer);
  bytes.set(flow.source, tupleAt.source);
  bytes.set(flow.destination, tupleAt.destination);
  view.setUint16(tupleAt.sourcePort, flow.sourcePort, false);
  view.setUint16(tupleAt.destinationPort, flow.destinationPort, false);
  view.setUint16(tupleAt.family, flow.source.length === 16 ? inet6 : inet, true);
  bytes[tupleAt.protocol] = protocol;
  bytes[tupleAt.direction] = direction;
  return bytes;
}

/** The tuple of the other direction (nf_ct_invert_tuple). */
export function invertTuple(bytes: Uint8Array): Uint8Array {
  const to = bytes.slice();
  const half = 18; // address and port: both ends have them in one order
  to.set(bytes.subarray(tupleAt.destination, tupleAt.destination + half), tupleAt.source);
  to.set(bytes.subarray(tupleAt.source, tupleAt.source + half), tupleAt.destination);
  to[tupleAt.direction] = 1 - (bytes[tupleAt.direction] ?? 0);
  return to;
}

const statusNames = Object.keys(connStatus) as readonly (keyof typeof connStatus)[];

function readConnection(fields: JsonFields): Connection {
  fields.only('proto', 'src', 'sport', 'dst', 'dport', 'reply', 'timeout', 'status', 'mark', 'secmark', 'zone');
  const original = readFlow(fields);
  const reply = fields.part('reply');
  let status = 0;
  for (const name of fields.texts('status')) {
    const known = statusNames.find((each) => each === name);
    if (known === undefined) fields.fail(`\`status\` has \`${name}\``, `one of: ${statusNames.join(', ')}`);
    status |= connStatus[known];
  }
  const { source, sourcePort, destination, destinationPort } = original;
  const turned = { source: destination, sourcePort: destinationPort, destination: source, destinationPort: sourcePort };
  return {
    protocol: fields.choice('proto', ['tcp', 'udp']),
    original,
    reply: reply === undefined ? turned : readFlow(reply.only('src', 'sport', 'dst', 'dport')),
    timeout: fields.integer('timeout', 0x7fffffff, 600),
    status,
    mark: fields.integer('mark', 0xffffffff, 0),
    secmark: fields.integer('secmark', 0xffffffff, 0),
    zone: fields.integer('zone', 0xffff, 0),
  };
}

function readFlow(fields: JsonFields): Flow {
  const source = fields.required('src', parseIp);
  const destination = fields.required('dst', parseIp);
  if (source.length !== destination.length) fields.fail('`src` and `dst` differ in family');
  const sourcePort = fields.integer('sport', 0xffff);
  return { source, sourcePort, destination, destinationPort: fields.integer('dport', 0xffff) };
}

/**
 * The sockets that bpf_sk_lookup_tcp, bpf_sk_lookup_udp and bpf_skc_lookup_tcp find. The table comes from a JSON file
 * (docs/tables.md) and does not change while packets run. A program sees a socket as a read-only `struct bpf_sock` in
 * guest memory.
 */
import { parseIp } from '../packet/index.js';
import { JsonFields } from './json-fields.js';

/** enum of include/net/tcp_states.h, in order; TCP_ESTABLISHED is 1. */
export const tcpStates = [
  'none',
  'established',
  'syn_sent',
  'syn_recv',
  'fin_wait1',
  'fin_wait2',
  'time_wait',
  'close',
  'close_wait',
  'last_ack',
  'listen',
  'closing',
  'new_syn_recv',
] as const;
/** States of a TCP socket, as Linux names them. */
export type TcpState = (typeof tcpStates)[number];

/** A socket that look-ups find. */
export interface Socket {
  readonly protocol: 'tcp' | 'udp';
  /** 4 or 16 bytes; all zero is any address. */
  readonly localIp: Uint8Array;
  readonly localPort: number;
  /** All zero and port 0: not connected. */
  readonly remoteIp: Uint8Array;
  readonly remotePort: number;
  readonly state: TcpState;
  /** SO_BINDTODEVICE; 0: any. */
  readonly ifindex: number;
  /** Id of its network namespace as seen from here; undefined: the program's own. */
  readonly netns: number | undefined;
  readonly mark: number;
  readonly priority: number;
  /** IPV6_V6ONLY. */
  readonly v6only: boolean;
  /** A listener whose queue of half-open connections overflowed of late: it hands out syncookies. */
  readonly overflow: boolean;
}

/** sizeof(struct bpf_sock), and the distance of sockets in guest memory. */
export const sockSize = 80;
/** Bytes of a `struct bpf_sock` in guest memory, rounded up. */
export const sockStride = 128;

const tcp = 6;
const udp = 17;
const inet = 2;
const inet6 = 10;

/** Sockets that the socket look-ups find, from a table (docs/tables.md). */
export class SocketTable {
  readonly sockets: readonly Socket[];
  /** net.ipv4.tcp_syncookies: 0 never, 1 on overflow, 2 always. */
  readonly syncookies: number;

  constructor(sockets: readonly Socket[] = [], syncookies = 1) {
    this.sockets = sockets;
    this.syncookies = syncookies;
  }

  /** Reads the JSON form. Throws InputError naming the entry. */
  static parse(json: unknown, file?: string): SocketTable {
    const root = new JsonFields(json, 'the table', file).only('syncookies', 'sockets');
    return new SocketTable(root.list('sockets').map(readSocket), root.integer('syncookies', 2, 1));
  }

  /**
   * Index of the socket for a packet from `source` to `destination` that came in on `ifindex`, or -1: the connected
   * one, else the most specific that listens there.
   */
  find(
    protocol: 'tcp' | 'udp',
    source: Uint8Array,
    sourcePort: number,
    destination: Uint8Array,
    destinationPort: number,
    ifindex: number,
    netns: number | undefined,
  ): number {
    let best = -1;
    let bestScore = 0;
    for (const [i, socket] of this.sockets.entries()) {
      if (socket.protocol !== protocol || socket.localPort !== destinationPort || socket.netns !== netns) continue;
      if (socket.ifindex !== 0 && socket.ifindex !== ifindex) continue;
      const local = match(socket.localIp, destination, socket.v6only);
      const remote = match(socket.remoteIp, source, socket.v6only);
      const isConnected = socket.remotePort !== 0;
      if (local === 0 || remote === 0 || (isConnected && socket.remotePort !== sourcePort)) continue;
      const score = (isConnected ? 8 : 0) + (local === 2 ? 4 : 0) + (socket.ifindex !== 0 ? 2 : 0) + 1;
      if (score > bestScore) {
        best = i;
        bestScore = score;
      }
    }
    return best;
  }
}

/** 0: no match, 1: the socket's address is a wildcard, 2: equal. */
function match(own: Uint8Array, other: Uint8Array, v6only: boolean): 0 | 1 | 2 {
  if (own.every((byte) => byte === 0)) return own.length === other.length || (own.length === 16 && !v6only) ? 1 : 0;
  return own.length === other.length && own.every((byte, i) => byte === other[i]) ? 2 : 0;
}

function readSocket(fields: JsonFields): Socket {
  fields.only(
    'proto',
    'local_ip',
    'local_port',
    'remote_ip',
    'remote_port',
    'state',
    'ifindex',
    'netns',
    'mark',
    'priority',
    'v6only',
    'overflow',
  );
  const protocol = fields.choice('proto', ['tcp', 'udp']);
  const remoteIp = fields.parsed('remote_ip', parseIp);
  const localIp = fields.parsed('local_ip', parseIp) ?? new Uint8Array(remoteIp?.length ?? 4);
  if (remoteIp !== undefined && remoteIp.length !== localIp.length)
    fields.fail('local and remote address differ in family');
  const fallback: TcpState =
    protocol === 'udp'
      ? remoteIp === undefined
        ? 'close'
        : 'established'
      : remoteIp === undefined
        ? 'listen'
        : 'established';
  const netns = fields.integer('netns', 0x7fffffff, 0x7fffffff);
  return {
    protocol,
    localIp,
    localPort: fields.integer('local_port', 0xffff),
    remoteIp: remoteIp ?? new Uint8Array(localIp.length),
    remotePort: fields.integer('remote_port', 0xffff, 0),
    state: fields.choice('state', [fallback, ...tcpStates]),
    ifindex: fields.integer('ifindex', 0x7fffffff, 0),
    netns: netns === 0x7fffffff ? undefined : netns,
    mark: fields.integer('mark', 0xffffffff, 0),
    priority: fields.integer('priority', 0xffffffff, 0),
    v6only: fields.flag('v6only', false),
    overflow: fields.flag('overflow', false),
  };
}

/**
 * `struct bpf_sock` (include/uapi/linux/bpf.h): ports of the own side in host order, of the other in network order.
 */
export function encodeSocket(socket: Socket): Uint8Array {
  const bytes = new Uint8Array(sockSize);
  const view = new DataView(bytes.buffer);
  const isV6 = socket.localIp.length === 16;
  view.setUint32(0, socket.ifindex, true);
  view.setUint32(4, isV6 ? inet6 : inet, true);
  view.setUint32(8, socket.protocol === 'tcp' ? 1 : 2, true); // SOCK_STREAM, SOCK_DGRAM
  view.setUint32(12, socket.protocol === 'tcp' ? tcp : udp, true);
  view.setUint32(16, socket.mark, true);
  view.setUint32(20, socket.priority, true);
  bytes.set(socket.localIp, isV6 ? 28 : 24);
  view.setUint32(44, socket.localPort, true);
  view.setUint16(48, socket.remotePort, false);
  bytes.set(socket.remoteIp, isV6 ? 56 : 52);
  view.setUint32(72, tcpStates.indexOf(socket.state), true);
  view.setInt32(76, -1, true); // rx_queue_mapping: not set
  return bytes;
}

/**
 * Who talks to whom: flow number k's protocol, addresses and ports, computed from k alone, so that millions of flows
 * need no table. Flows are distinct by construction as long as the source side has room: with H source hosts and P
 * ports,
 *
 *     host(k) = k * s + a  (mod H)        s coprime to H: H consecutive flows have H different hosts
 *     port(k) = floor(k / H) * t + b(host)  (mod P)        the next H flows, on the same hosts, have other ports
 *
 * The destination is drawn by a hash of k.
 */

import { InputError, UsageError } from '../base/index.js';
import { parseMac, parseSubnet, type Subnet } from './address.js';
import { mix32 } from './prng.js';

/** Protocols of generated flows. */
export type FlowProtocol = 'tcp' | 'udp' | 'icmp' | 'arp';

/** One side of the traffic. */
export interface Endpoints {
  /** Subnet or address. */
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  /** Ports, or ranges of ports (first, last). */
  readonly ports?: readonly (number | readonly [first: number, last: number])[] | undefined;
  readonly mac?: string | undefined;
}

/** Hosts counted at most in a subnet: enough, and products with a flow number stay exact. */
const maxHosts = 2 ** 24;

/** Host numbers of a subnet. Of IPv6 only the last 32 bits are numbered, which is enough for any number of flows. */
class HostRange {
  readonly network: Uint8Array;
  readonly count: number;
  private readonly first: number;
  private readonly stride: number;

  constructor(subnet: Subnet) {
    this.network = subnet.network;
    const bits = subnet.network.length * 8 - subnet.prefix;
    // Leave out the network's own and the broadcast address where there are such.
    this.first = bits >= 2 ? 1 : 0;
    this.count = bits >= 24 ? maxHosts - 2 : bits >= 2 ? 2 ** bits - 2 : 2 ** bits;
    this.stride = coprimeStride(this.count);
  }

  /** Index of the k-th host in a scattered order. */
  scatter(k: number, shift: number): number {
    return ((k % this.count) * this.stride + shift) % this.count;
  }

  /** Writes address `index` of the subnet. */
  write(target: Uint8Array, at: number, index: number): void {
    for (let i = 0; i < this.network.length; i++) target[at + i] = this.network[i] ?? 0;
    const low = at + this.network.length - 4;
    let host = this.first + index;
    for (let i = 3; i >= 1; i--) {
      target[low + i] = (target[low + i] ?? 0) | (host & 0xff);
      host >>>= 8;
    }
  }
}

/** Ports of several ranges, numbered through. */
class PortRange {
  readonly count: number;
  private readonly ranges: readonly (readonly [number, number])[];
  readonly stride: number;

  constructor(given: readonly (number | readonly [number, number])[]) {
    this.ranges = given.map((p) => (typeof p === 'number' ? [p, p] : p));
    for (const [first, last] of this.ranges) {
      if (!Number.isInteger(first) || !Number.isInteger(last) || first < 0 || last > 0xffff || first > last) {
        throw new UsageError(`${first}-${last} is no range of ports`, {}, 'ports are 0 to 65535, the lower one first');
      }
    }
    this.count = this.ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    if (this.count === 0) throw new UsageError('an empty list of ports');
    this.stride = coprimeStride(this.count);
  }

  at(index: number): number {
    let left = index % this.count;
    for (const [first, last] of this.ranges) {
      const size = last - first + 1;
      if (left < size) return first + left;
      left -= size;
    }
    return 0;
  }
}

/** A number near count / golden ratio without a common divisor: multiples of it scatter over 0 ... count - 1. */
function coprimeStride(count: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  for (let stride = Math.max(1, Math.floor(count * 0.618)); ; stride++) if (gcd(stride, count) === 1) return stride;
}

/** One end of all flows. */
class Side {
  readonly ipv4: HostRange;
  readonly ipv6: HostRange;
  readonly ports: PortRange;
  readonly mac: Uint8Array;

  constructor(given: Endpoints, defaults: Required<Endpoints>) {
    this.ipv4 = new HostRange(subnetOf(given.ipv4 ?? defaults.ipv4, 4));
    this.ipv6 = new HostRange(subnetOf(given.ipv6 ?? defaults.ipv6, 16));
    this.ports = new PortRange(given.ports ?? defaults.ports ?? []);
    this.mac = asUsage(() => parseMac(given.mac ?? defaults.mac ?? ''));
  }
}

/** An address among the options is a matter of usage, not of a file. */
function asUsage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InputError) throw new UsageError(error.message, error.place, error.hint);
    throw error;
  }
}

/** Parses a subnet of one family. Throws UsageError. */
function subnetOf(text: string | undefined, length: 4 | 16): Subnet {
  const subnet = asUsage(() => parseSubnet(text ?? ''));
  if (subnet.network.length !== length) throw new UsageError(`\`${text}\` is no IPv${length === 4 ? 4 : 6} subnet`);
  return subnet;
}

/** Documentation and benchmarking ranges: RFC 2544 (198.18/15), RFC 5737, RFC 3849. */
const sourceDefaults = {
  ipv4: '198.18.0.0/16',
  ipv6: '2001:db8:1::/64',
  ports: [[1024, 65535]],
  mac: '02:00:00:00:00:01',
} as const;
/** Documentation and benchmark ranges: RFC 2544 (198.18.0.0/15), RFC 3849 (2001:db8::/32). */
const destinationDefaults = {
  ipv4: '198.19.0.0/24',
  ipv6: '2001:db8:2::/120',
  ports: [80, 443, 53, 8080],
  mac: '02:00:00:00:00:02',
} as const;

/** Shares by which flows get their kind. */
export interface KindShares {
  /** Weights; any scale. */
  readonly protocols: Readonly<Record<FlowProtocol, number>>;
  /** Share of the TCP, UDP and ICMP flows that run over IPv6. */
  readonly ipv6: number;
  /** Share of flows with a VLAN tag, and the range of its ids. */
  readonly vlan: number;
  readonly vlanIds: readonly [first: number, last: number];
  /** Share of the tagged flows that have a second, outer tag (802.1ad). */
  readonly qinq: number;
}

/** What a flow is. One object is filled anew for each flow. */
export class FlowIdentity {
  protocol: FlowProtocol = 'tcp';
  version: 4 | 6 = 4;
  /** Tags, outermost first; `undefined` for none. */
  outerTag: number | undefined;
  tag: number | undefined;
  sourcePort = 0;
  destinationPort = 0;
  /** 4 or 16 bytes of the 16 are used. */
  readonly source: Uint8Array = new Uint8Array(16);
  readonly destination: Uint8Array = new Uint8Array(16);
}

/** Identities by flow number. Holds no table: memory does not depend on the number of flows. */
export class FlowDirectory {
  readonly sourceMac: Uint8Array;
  readonly destinationMac: Uint8Array;
  private readonly salt: number;
  private readonly from: Side;
  private readonly to: Side;
  private readonly shares: KindShares;

  constructor(salt: number, source: Endpoints, destination: Endpoints, shares: KindShares) {
    this.salt = salt;
    this.from = new Side(source, sourceDefaults);
    this.to = new Side(destination, destinationDefaults);
    this.sourceMac = this.from.mac;
    this.destinationMac = this.to.mac;
    this.shares = shares;
  }

  /** Fills in flow `k`. */
  describe(k: number, flow: FlowIdentity): void {
    const { shares, salt } = this;
    const hash = mix32(k, salt);
    const draw = (what: number): number => mix32(hash, what) / 0x1_0000_0000;
    flow.protocol = pick(shares.protocols, draw(1));
    flow.version = flow.protocol !== 'arp' && draw(2) < shares.ipv6 ? 6 : 4;
    const [firstId, lastId] = shares.vlanIds;
    flow.tag = draw(3) < shares.vlan ? firstId + Math.floor(draw(4) * (lastId - firstId + 1)) : undefined;
    flow.outerTag =
      flow.tag !== undefined && draw(5) < shares.qinq
        ? firstId + Math.floor(draw(6) * (lastId - firstId + 1))
        : undefined;
    const from = flow.version === 4 ? this.from.ipv4 : this.from.ipv6;
    const to = flow.version === 4 ? this.to.ipv4 : this.to.ipv6;
    const { ports } = this.from;
    const host = from.scatter(k, salt % from.count);
    from.write(flow.source, 0, host);
    const round = Math.floor(k / from.count) % ports.count;
    flow.sourcePort = ports.at((round * ports.stride + mix32(host, salt)) % ports.count);
    to.write(flow.destination, 0, Math.floor(draw(7) * to.count));
    flow.destinationPort = this.to.ports.at(Math.floor(draw(8) * this.to.ports.count));
  }
}

/** The protocol at `u` of the weights' sum, `u` from 0 to 1. */
function pick(weights: Readonly<Record<FlowProtocol, number>>, u: number): FlowProtocol {
  const { tcp, udp, icmp, arp } = weights;
  let left = u * (tcp + udp + icmp + arp);
  left -= tcp;
  if (left < 0) return 'tcp';
  left -= udp;
  if (left < 0) return 'udp';
  left -= icmp;
  return left < 0 || arp === 0 ? 'icmp' : 'arp';
}

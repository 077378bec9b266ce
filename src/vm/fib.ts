/**
 * Routes, neighbours and interfaces: what bpf_fib_lookup and bpf_check_mtu ask the host about. The table comes from a
 * JSON file (docs/tables.md) and does not change while packets run.
 */
import { parseIp, parseMac, parseSubnet } from '../packet/index.js';
import { JsonFields } from './json-fields.js';

/** A network interface. */
export interface Interface {
  readonly ifindex: number;
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** net.ipv4.conf.DEV.forwarding and its IPv6 twin. */
  readonly forwarding: boolean;
  /** Source addresses in order of preference, 4 or 16 bytes each. */
  readonly addresses: readonly Uint8Array[];
}

/** Kinds of routes, with their names in iproute2 (`ip route add TYPE`). */
export const routeTypes = [
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
] as const;
/** Kinds of routes, as `ip route` names them. */
export type RouteType = (typeof routeTypes)[number];

/** A route. */
export interface Route {
  /** 4 or 16 bytes. */
  readonly prefix: Uint8Array;
  /** Bits. */
  readonly length: number;
  readonly type: RouteType;
  /** Outgoing interface; 0 for routes that lead nowhere. */
  readonly dev: number;
  /** Gateway, of either family. */
  readonly via: Uint8Array | undefined;
  readonly metric: number;
  readonly table: number;
  /** Locked MTU of the route; 0: the interface's. */
  readonly mtu: number;
  /** Preferred source. */
  readonly src: Uint8Array | undefined;
}

/** A neighbour: an address and its MAC address. */
export interface Neighbour {
  readonly ip: Uint8Array;
  readonly dev: number;
  readonly mac: Uint8Array;
}

/** RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT: what a look-up without a table goes through, in this order. */
const ruleOrder = [255, 254, 253];
const mainTable = 254;
const loopback: Interface = { ifindex: 1, mac: new Uint8Array(6), mtu: 65536, forwarding: false, addresses: [] };

/** Routes, neighbours and interfaces for bpf_fib_lookup, from a table (docs/tables.md). */
export class FibTable {
  readonly interfaces: ReadonlyMap<number, Interface>;
  /** Longest prefix first, then lowest metric: the first match is the route. */
  private readonly routes: readonly Route[];
  private readonly neighbours: readonly Neighbour[];

  constructor(
    interfaces: readonly Interface[] = [],
    routes: readonly Route[] = [],
    neighbours: readonly Neighbour[] = [],
  ) {
    // Every network namespace has a loopback device.
    this.interfaces = new Map([loopback, ...interfaces].map((entry) => [entry.ifindex, entry]));
    this.routes = [...routes].sort((a, b) => b.length - a.length || a.metric - b.metric);
    this.neighbours = neighbours;
  }

  /** Reads the JSON form. Throws InputError naming the entry. */
  static parse(json: unknown, file?: string): FibTable {
    const root = new JsonFields(json, 'the table', file).only('interfaces', 'routes', 'neighbours');
    return new FibTable(
      root.list('interfaces').map(readInterface),
      root.list('routes').map(readRoute),
      root.list('neighbours').map(readNeighbour),
    );
  }

  /**
   * The route for `destination`: in table `table`, or by the default rules. `oif` not 0: only routes through that
   * interface.
   */
  route(destination: Uint8Array, table: number | undefined, oif: number): Route | undefined {
    for (const id of table === undefined ? ruleOrder : [table]) {
      const found = this.routes.find(
        (route) =>
          route.table === id &&
          (oif === 0 || route.dev === oif || route.dev === 0) &&
          covers(route.prefix, route.length, destination),
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** True if any route is in table `id`; the main table always exists. */
  hasTable(id: number): boolean {
    return ruleOrder.includes(id) || this.routes.some((route) => route.table === id);
  }

  neighbour(ip: Uint8Array, dev: number): Uint8Array | undefined {
    return this.neighbours.find((entry) => entry.dev === dev && covers(entry.ip, entry.ip.length * 8, ip))?.mac;
  }
}

/** Does `prefix`/`length` cover `address`? Different families never match. */
function covers(prefix: Uint8Array, length: number, address: Uint8Array): boolean {
  if (prefix.length !== address.length) return false;
  for (let bit = 0; bit < length; bit += 8) {
    const mask = length - bit >= 8 ? 0xff : (0xff << (8 - (length - bit))) & 0xff;
    if ((((prefix[bit >> 3] ?? 0) ^ (address[bit >> 3] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

const maxIndex = 0x7fffffff;

function readInterface(fields: JsonFields): Interface {
  fields.only('ifindex', 'name', 'mac', 'mtu', 'forwarding', 'addresses');
  return {
    ifindex: fields.integer('ifindex', maxIndex),
    mac: fields.parsed('mac', parseMac) ?? new Uint8Array(6),
    mtu: fields.integer('mtu', 0x7fffffff, 1500),
    forwarding: fields.flag('forwarding', true),
    addresses: fields.texts('addresses').map(parseIp),
  };
}

function readRoute(fields: JsonFields): Route {
  fields.only('prefix', 'type', 'dev', 'via', 'metric', 'table', 'mtu', 'src');
  const subnet = fields.required('prefix', parseSubnet);
  const type = fields.choice('type', routeTypes);
  const leads = type === 'unicast' || type === 'local';
  return {
    prefix: subnet.network,
    length: subnet.prefix,
    type,
    dev: fields.integer('dev', maxIndex, leads ? undefined : 0),
    via: fields.parsed('via', parseIp),
    // IPv6 routes get metric 1024 unless they say otherwise (IP6_RT_PRIO_USER).
    metric: fields.integer('metric', 0xffffffff, subnet.network.length === 16 ? 1024 : 0),
    table: fields.integer('table', 0xffffffff, mainTable),
    mtu: fields.integer('mtu', 0xffff, 0),
    src: fields.parsed('src', parseIp),
  };
}

function readNeighbour(fields: JsonFields): Neighbour {
  fields.only('ip', 'dev', 'mac');
  return {
    ip: fields.required('ip', parseIp),
    dev: fields.integer('dev', maxIndex),
    mac: fields.required('mac', parseMac),
  };
}

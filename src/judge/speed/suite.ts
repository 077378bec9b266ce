/** The speed suite: small programs of `bench/programs`, then the examples; with a packet and map contents for each. */
import type { Machine } from '../../vm/index.js';

/** A row of the suite. */
export interface SuiteEntry {
  readonly name: string;
  /** Relative to the repository. */
  readonly object: string;
  readonly program: string;
  /** Capture and index of the packet; without it {@link standardPacket}. */
  readonly packet?: { readonly capture: string; readonly index: number };
  /** A file as for `--maps-in`. */
  readonly maps?: string;
  readonly fill?: (machine: Machine) => void;
}

/** 64 bytes: Ethernet, IPv4 with a valid checksum, TCP SYN from 10.1.2.3:40000 to 192.168.7.9:80. */
export function standardPacket(): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
  bytes.set([0x45, 0, 0, 50, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 1, 2, 3, 192, 168, 7, 9], 14);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
  bytes.set([sum >> 8, sum & 0xff], 24);
  bytes.set([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff], 34);
  return bytes;
}

/** 1,000 prefixes of 8 to 32 bits; the standard packet's destination has a route of 24. */
function fillRoutes(machine: Machine): void {
  const map = machine.maps.find(({ spec }) => spec.name === 'routes');
  const put = (length: number, address: readonly number[]): void => {
    map?.updateElem(Uint8Array.of(length, 0, 0, 0, ...address), Uint8Array.of(2, 0, 0, 0));
  };
  put(16, [192, 168, 0, 0]);
  put(24, [192, 168, 7, 0]);
  for (let i = 0; i < 998; i++) put(8 + (i % 25), [(i * 7) & 0xff, (i * 13) & 0xff, (i * 31) & 0xff, (i * 57) & 0xff]);
}

/** A program of `bench/programs`, on the standard packet. */
function small(name: string, program: string, fill?: (machine: Machine) => void): SuiteEntry {
  const entry = { name, object: `bench/programs/${name}.o`, program };
  return fill === undefined ? entry : { ...entry, fill };
}

/** An example, on one packet of its capture. */
function example(name: string, index: number, hasMaps = true): SuiteEntry {
  const folder = `examples/${name}`;
  const entry = {
    name: `example ${name}`,
    object: `${folder}/${name}.o`,
    program: name.replaceAll('-', '_'),
    packet: { capture: `${folder}/traffic.pcap`, index },
  };
  return hasMaps ? { ...entry, maps: `${folder}/${name}.maps.json` } : entry;
}

/** All rows; the baseline of `npm run bench -- --check` has the same names. */
export const suite: readonly SuiteEntry[] = [
  small('parse-checksum', 'parse_checksum'),
  small('ipv6-filter', 'ipv6_filter'),
  small('swap', 'swap'),
  small('alu-loop', 'alu_loop'),
  small('jenkins', 'jenkins'),
  small('array-count', 'array_count'),
  small('hash-count', 'hash_count'),
  small('lpm-route', 'lpm_route', fillRoutes),
  small('lru-connections', 'lru_connections'),
  example('ipv6-filter', 0, false),
  example('load-balancer', 0),
  example('lpm-router', 0),
  example('firewall', 0),
  example('nat', 0),
  example('ddos-mitigator', 0),
  example('token-bucket', 0),
  example('heavy-hitter', 0, false),
  example('port-knocking', 0),
];

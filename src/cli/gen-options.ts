/** The flags of `jitnic gen` as options of the traffic generator: units, lists, and which flags go together. */
import { InputError, UsageError } from '../base/index.js';
import {
  type Endpoints,
  type FlowProtocol,
  flowSizeTables,
  parseMac,
  parsePacketSizes,
  parseSubnet,
  type TrafficOptions,
} from '../packet/index.js';

/** The flags as commander yields them: all text, or undefined where one was not given. */
export interface GenFlags {
  readonly count?: string;
  readonly seed?: string;
  readonly flows?: string;
  readonly zipf?: string;
  readonly flowSizes?: string;
  readonly concurrency?: string;
  readonly protocols?: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly vlan?: string;
  readonly vlanIds?: string;
  readonly qinq?: string;
  readonly sizes?: string;
  readonly rate?: string;
  readonly arrivals?: string;
  readonly start?: string;
  readonly src?: string;
  readonly srcPorts?: string;
  readonly srcMac?: string;
  readonly dst?: string;
  readonly dstPorts?: string;
  readonly dstMac?: string;
  readonly replies?: string;
  readonly malformed?: string;
}

/** Throws UsageError for a value that is none, and for flags that cannot take effect together. */
export function trafficOptions(flags: GenFlags): TrafficOptions {
  checkTogether(flags);
  const source = endpoints(flags, 'src');
  const destination = endpoints(flags, 'dst');
  const protocols = flags.protocols === undefined ? undefined : protocolWeights(flags.protocols);
  return {
    packets: whole(flags.count, '-c'),
    seed: whole(flags.seed, '--seed', 0),
    flows: whole(flags.flows, '--flows'),
    popularity: flags.zipf === undefined ? undefined : { zipf: decimal(flags.zipf, '--zipf') },
    flowSizes: flags.flowSizes === undefined ? undefined : flowSizes(flags.flowSizes),
    concurrency: whole(flags.concurrency, '--concurrency'),
    protocols,
    ipv6: ipv6Share(flags, source, destination, protocols),
    vlan: share(flags.vlan, '--vlan'),
    vlanIds: flags.vlanIds === undefined ? undefined : vlanIds(flags.vlanIds),
    qinq: share(flags.qinq, '--qinq'),
    sizes: flags.sizes === undefined ? undefined : parsePacketSizes(flags.sizes),
    rate: flags.rate === undefined ? undefined : rate(flags.rate),
    arrivals: flags.arrivals === undefined ? undefined : arrivals(flags.arrivals),
    start: flags.start === undefined ? undefined : start(flags.start),
    source,
    destination,
    replies: share(flags.replies, '--replies'),
    malformed: share(flags.malformed, '--malformed'),
  };
}

/** Refuses flags that cannot take effect beside one another: a flag that is silently ignored makes wrong captures. */
function checkTogether(flags: GenFlags): void {
  if (flags.flowSizes !== undefined && flags.zipf !== undefined) {
    throw new UsageError(
      '`--zipf` is for flows that live all the time, `--flow-sizes` for flows that end',
      {},
      'give one of them',
    );
  }
  if (flags.concurrency !== undefined && flags.flowSizes === undefined) {
    throw new UsageError('`--concurrency` is for flows that end', {}, 'give `--flow-sizes` as well');
  }
  for (const [flag, given] of [
    ['--vlan-ids', flags.vlanIds],
    ['--qinq', flags.qinq],
  ] as const) {
    if (given !== undefined && (flags.vlan === undefined || Number(flags.vlan) === 0)) {
      throw new UsageError(`\`${flag}\` has no effect without tagged flows`, {}, 'give their share: `--vlan 0.5`');
    }
  }
}

/**
 * Share of IP flows over IPv6. Where the addresses that were given are all of one family and no share is, all flows
 * are of that
 * family: who asks for traffic to 192.0.2.10 does not want a fifth of it elsewhere.
 */
function ipv6Share(
  flags: GenFlags,
  source: Endpoints,
  destination: Endpoints,
  protocols: TrafficOptions['protocols'],
): number | undefined {
  const four = share(flags.ipv4, '--ipv4');
  const six = share(flags.ipv6, '--ipv6');
  if (four !== undefined && six !== undefined && Math.abs(four + six - 1) > 1e-9) {
    throw new UsageError(
      `\`--ipv4 ${flags.ipv4}\` and \`--ipv6 ${flags.ipv6}\` do not add up to 1`,
      {},
      'give one of them',
    );
  }
  const given = six ?? (four === undefined ? undefined : 1 - four);
  const onlyArp = protocols !== undefined && !protocols.tcp && !protocols.udp && !protocols.icmp;
  if (given !== undefined && given > 0 && onlyArp) {
    throw new UsageError('ARP has no IPv6', {}, 'give another protocol a share in `--protocols`');
  }
  for (const [flag, end] of [
    ['--src', source],
    ['--dst', destination],
  ] as const) {
    if (given === 1 && end.ipv4 !== undefined)
      throw new UsageError(`\`${flag} ${end.ipv4}\` has no effect: all flows are IPv6`);
    if (given === 0 && end.ipv6 !== undefined)
      throw new UsageError(`\`${flag} ${end.ipv6}\` has no effect: all flows are IPv4`);
  }
  if (given !== undefined) return given;
  const fours = [source.ipv4, destination.ipv4].filter((subnet) => subnet !== undefined);
  const sixes = [source.ipv6, destination.ipv6].filter((subnet) => subnet !== undefined);
  if (fours.length > 0 && sixes.length === 0) return 0;
  if (sixes.length > 0 && fours.length === 0) return 1;
  if (fours.length === 1 && sixes.length === 1 && (source.ipv4 === undefined) !== (source.ipv6 === undefined)) {
    throw new UsageError(
      `no packet goes from ${source.ipv4 ?? source.ipv6} to ${destination.ipv4 ?? destination.ipv6}`,
      {},
      'give both ends addresses of the same family',
    );
  }
  return undefined;
}

/** Addresses, ports and MAC of one end of all flows; one subnet of each family. */
function endpoints(flags: GenFlags, end: 'src' | 'dst'): Endpoints {
  const [subnets, ports, mac] =
    end === 'src' ? [flags.src, flags.srcPorts, flags.srcMac] : [flags.dst, flags.dstPorts, flags.dstMac];
  const families: { ipv4?: string; ipv6?: string } = {};
  for (const subnet of subnets === undefined ? [] : subnets.split(',')) {
    const family = usage(`--${end}`, () => parseSubnet(subnet)).network.length === 4 ? 'ipv4' : 'ipv6';
    if (families[family] !== undefined) {
      throw new UsageError(
        `\`--${end} ${subnets}\` has two ${family === 'ipv4' ? 'IPv4' : 'IPv6'} subnets`,
        {},
        'one of each family at most',
      );
    }
    families[family] = subnet;
  }
  if (mac !== undefined) usage(`--${end}-mac`, () => parseMac(mac));
  return { ...families, mac, ports: ports === undefined ? undefined : portList(ports, `--${end}-ports`) };
}

/** What the parsers of addresses say of a file is here said of a flag. */
function usage<T>(flag: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InputError) throw new UsageError(`\`${flag}\`: ${error.message}`, {}, error.hint);
    throw error;
  }
}

/** `80,443,8000-8999` as numbers and inclusive ranges. */
function portList(text: string, flag: string): (number | readonly [number, number])[] {
  return text.split(',').map((part) => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || first > last || last > 65_535) {
      throw bad(flag, text, 'ports and ranges of ports such as 80,443,8000-8999');
    }
    return first === last ? first : [first, last];
  });
}

/** What flows can be of. */
const flowProtocols: readonly string[] = ['tcp', 'udp', 'icmp', 'arp'] satisfies readonly FlowProtocol[];

/** `tcp=0.6,udp=0.4`; a name alone has weight 1. Weights need not add up to 1. */
function protocolWeights(text: string): Partial<Record<FlowProtocol, number>> {
  const weights: Partial<Record<FlowProtocol, number>> = {};
  for (const part of text.split(',')) {
    const [name = '', weight = '1', ...rest] = part.trim().split('=');
    const known = flowProtocols.includes(name) && !(name in weights) && rest.length === 0;
    if (!known || !/^\d*\.?\d+$/.test(weight)) {
      throw bad('--protocols', text, 'weights such as tcp=0.6,udp=0.4 of tcp, udp, icmp and arp');
    }
    weights[name as FlowProtocol] = Number(weight);
  }
  if (!Object.values(weights).some((weight) => weight > 0)) throw bad('--protocols', text, 'a weight above 0');
  return weights;
}

/** The name of a table of flow sizes. */
function flowSizes(name: string): NonNullable<TrafficOptions['flowSizes']> {
  const names: readonly string[] = [...Object.keys(flowSizeTables), 'campus'];
  if (!names.includes(name)) throw bad('--flow-sizes', name, names.join(', '));
  return name as NonNullable<TrafficOptions['flowSizes']>;
}

/** One id or an inclusive range; 12 bits each (IEEE 802.1Q). */
function vlanIds(text: string): readonly [number, number] {
  const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > last || last > 4095)
    throw bad('--vlan-ids', text, 'an id from 0 to 4095, or a range such as 10-19');
  return [first, last];
}

/** Decimal prefixes: rates are counted in thousands, not in 1,024s. */
const scales: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** `1Mpps`, `10Gbps`, `14.88 Mpps`. */
function rate(text: string): { readonly pps: number } | { readonly bps: number } {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(pps|bps|bit\/s)$/i.exec(text.trim());
  const value = Number(match?.[1]) * (scales[(match?.[2] ?? '').toLowerCase()] ?? 1);
  if (match === null || value === 0) throw bad('--rate', text, 'packets or bits a second such as 1Mpps or 10Gbps');
  return match[3]?.toLowerCase() === 'pps' ? { pps: value } : { bps: value };
}

/** Gaps between packets: all the same, or exponential, which makes arrivals a Poisson process. */
function arrivals(text: string): 'constant' | 'poisson' {
  if (text !== 'constant' && text !== 'poisson') throw bad('--arrivals', text, 'constant or poisson');
  return text;
}

/** Seconds since 1970 with up to nine decimals, or a date in ISO 8601; to nanoseconds. */
function start(text: string): bigint {
  const seconds = /^(\d{1,10})(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds !== null) return BigInt(seconds[1] ?? 0) * 1_000_000_000n + BigInt((seconds[2] ?? '').padEnd(9, '0'));
  // Without a zone a date would mean another moment on every machine.
  const date = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!(date >= 0)) throw bad('--start', text, 'seconds since 1970, or a date such as 2026-01-31T12:00:00Z');
  return BigInt(date) * 1_000_000n;
}

/** A whole number, with `,` or `_` between thousands. */
function whole(text: string | undefined, flag: string, least = 1): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text.replace(/[_,](?=\d{3})/g, ''));
  if (!/^[\d_,]+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw bad(flag, text, `a whole number, at least ${least}`);
  }
  return value;
}

/** A number of at least 0. */
function decimal(text: string, flag: string): number {
  if (!/^\d*\.?\d+$/.test(text)) throw bad(flag, text, 'a number such as 1.1');
  return Number(text);
}

/** From 0 to 1, or in percent. */
function share(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d*\.?\d+%$/.test(text) ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw bad(flag, text, 'a share from 0 to 1');
  return value;
}

/** The error for a flag whose text is not of the form that it takes. */
function bad(flag: string, text: string, expected: string): UsageError {
  return new UsageError(`\`${flag} ${text}\` makes no sense`, {}, `expected ${expected}`);
}

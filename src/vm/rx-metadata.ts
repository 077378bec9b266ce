/**
 * What a network card knows of the frames that it has received, for bpf_xdp_metadata_rx_*: its hash, time stamp and
 * the VLAN tag that it took off. The table comes from a JSON file (docs/tables.md) and does not change while packets
 * run. Codes as in Documentation/networking/xdp-rx-metadata.rst: -EOPNOTSUPP where the device tells such a thing of no
 * frame, -ENODATA where it does not tell it of this one.
 */
import { JsonFields } from './json-fields.js';

/** What a device may tell, by the names of netdev's family of netlink (xdp-rx-metadata-features). */
export const rxFeatures = ['timestamp', 'hash', 'vlan-tag'] as const;
/** One of them. */
export type RxFeature = (typeof rxFeatures)[number];

/** What the card knows of one frame. */
export interface FrameMetadata {
  /** Nanoseconds; `arrival`: the clock of the run when the frame comes in. */
  readonly timestamp?: bigint | 'arrival' | undefined;
  readonly hash?: number | undefined;
  /** enum xdp_rss_hash_type: over what the hash is. */
  readonly rssType: number;
  /** The tag that was taken off: TPID and TCI, in the host's order. */
  readonly vlan?: { readonly protocol: number; readonly tci: number } | undefined;
}

/** Bits of enum xdp_rss_hash_type (include/net/xdp.h). */
const rssBits = { ipv4: 1, ipv6: 2, dynhdr: 4, l4: 8, tcp: 16, udp: 32, sctp: 64, ipsec: 128, icmp: 256 } as const;

const { ipv4, ipv6, dynhdr, l4 } = rssBits;
const transports = ['tcp', 'udp', 'sctp', 'ipsec', 'icmp'] as const;

/** Its constants, without XDP_RSS_TYPE_ and in lower case. */
const rssTypes: ReadonlyMap<string, number> = new Map([
  ['none', 0],
  ['l2', 0],
  ['l3_ipv4', ipv4],
  ['l3_ipv6', ipv6],
  ['l3_ipv4_opt', ipv4 | dynhdr],
  ['l3_ipv6_ex', ipv6 | dynhdr],
  ['l4_any', l4],
  ...transports.map((name) => [`l4_ipv4_${name}`, ipv4 | l4 | rssBits[name]] as const),
  ...transports.map((name) => [`l4_ipv6_${name}`, ipv6 | l4 | rssBits[name]] as const),
  ...(['tcp', 'udp', 'sctp'] as const).map(
    (name) => [`l4_ipv6_${name}_ex`, ipv6 | dynhdr | l4 | rssBits[name]] as const,
  ),
]);

const tagProtocols: Readonly<Record<string, number>> = { '802.1q': 0x8100, '802.1ad': 0x88a8 };

const fields = ['timestamp', 'hash', 'rss_type', 'vlan_tag'] as const;

/** What a device knows of the frames that it receives, from a table (docs/tables.md). */
export class RxMetadata {
  /** What it can tell at all. */
  readonly features: ReadonlySet<RxFeature>;
  /** Of frames that have no entry of their own. */
  private readonly others: FrameMetadata | undefined;
  /** By number of the packet, from 1. */
  private readonly frames: ReadonlyMap<number, FrameMetadata>;

  constructor(
    frames: ReadonlyMap<number, FrameMetadata> = new Map(),
    others?: FrameMetadata,
    features: readonly RxFeature[] = [],
  ) {
    this.features = new Set(features);
    this.others = others;
    this.frames = frames;
  }

  /** Reads the JSON form. Throws InputError naming the entry. */
  static parse(json: unknown, file?: string): RxMetadata {
    const root = new JsonFields(json, 'the table', file).only('features', 'default', 'packets');
    const others = root.part('default');
    const frames = new Map<number, FrameMetadata>();
    for (const entry of root.list('packets')) {
      entry.only('packet', ...fields);
      const packet = entry.integer('packet', 0xffffffff);
      if (packet === 0) entry.fail('`packet` counts from 1');
      if (frames.has(packet)) entry.fail(`packet ${packet} is there twice`);
      frames.set(packet, readFrame(entry));
    }
    const everywhere = others === undefined ? undefined : readFrame(others.only(...fields));
    const told = [...frames.values(), ...(everywhere === undefined ? [] : [everywhere])];
    const shown = rxFeatures.filter((feature) => told.some((frame) => tells(frame, feature)));
    const features = root.value('features') === undefined ? shown : readFeatures(root);
    const more = shown.find((feature) => !features.includes(feature));
    if (more !== undefined)
      root.fail(`\`features\` is without \`${more}\`, which a packet has`, 'name it there, or leave `features` out');
    return new RxMetadata(frames, everywhere, features);
  }

  /** What it knows of packet `number`, from 1. */
  frame(number: number): FrameMetadata | undefined {
    return this.frames.get(number) ?? this.others;
  }
}

function tells(frame: FrameMetadata, feature: RxFeature): boolean {
  return frame[feature === 'vlan-tag' ? 'vlan' : feature] !== undefined;
}

function readFeatures(root: JsonFields): RxFeature[] {
  return root.texts('features').map((text) => {
    const feature = rxFeatures.find((name) => name === text);
    return feature ?? root.fail(`\`features\`: there is no \`${text}\``, `one of: ${rxFeatures.join(', ')}`);
  });
}

function readFrame(entry: JsonFields): FrameMetadata {
  const vlan = entry.part('vlan_tag');
  const hash = entry.value('hash') === undefined ? undefined : Number(wide(entry, 'hash', 0xffffffffn));
  if (hash === undefined && entry.value('rss_type') !== undefined) entry.fail('`rss_type` is of a `hash`');
  const isArrival = entry.value('timestamp') === 'arrival';
  const timestamp =
    entry.value('timestamp') === undefined ? undefined : isArrival ? 'arrival' : wide(entry, 'timestamp');
  return { timestamp, hash, rssType: rssType(entry), vlan: vlan === undefined ? undefined : readTag(vlan) };
}

/** The constant of enum xdp_rss_hash_type, or its number. */
function rssType(entry: JsonFields): number {
  const value = entry.value('rss_type') ?? 'none';
  if (typeof value === 'number') return entry.integer('rss_type', 0xffffffff);
  const number = rssTypes.get(
    String(value)
      .toLowerCase()
      .replace(/^xdp_rss_(?:type_)?/, ''),
  );
  return (
    number ?? entry.fail(`\`rss_type\` is \`${value}\``, `a number, or one of: ${[...rssTypes.keys()].join(', ')}`)
  );
}

function readTag(tag: JsonFields): { readonly protocol: number; readonly tci: number } {
  tag.only('proto', 'id', 'priority', 'dei');
  const protocol = tagProtocols[tag.choice('proto', ['802.1q', '802.1ad'])] ?? 0;
  const dei = tag.flag('dei', false) ? 0x1000 : 0;
  return { protocol, tci: (tag.integer('priority', 7, 0) << 13) | dei | tag.integer('id', 0xfff) };
}

/** A number up to `max`, or a text of one: in JSON the larger ones are texts. */
function wide(entry: JsonFields, key: string, max: bigint = 0xffff_ffff_ffff_ffffn): bigint {
  const value = entry.value(key);
  const isNumber = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  const isText = typeof value === 'string' && /^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(value);
  const number = isNumber || isText ? BigInt(value) : undefined;
  if (number !== undefined && number <= max) return number;
  throw entry.fail(`\`${key}\` must be a number from 0 to ${max}`, 'beyond 2^53 as a text: "1700000000000000001"');
}

/** Protocol numbers (IANA) that the header parser, the summaries, the field map and the generator share. */

/** Ethernet types, as they stand in the frame read big-endian. */
export const etherTypes = {
  ipv4: 0x0800,
  arp: 0x0806,
  transparentEthernet: 0x6558,
  vlan: 0x8100,
  ipv6: 0x86dd,
  mplsUnicast: 0x8847,
  mplsMulticast: 0x8848,
  qinq: 0x88a8,
  /** Pre-standard numbers of the outer tag that are still about. */
  qinq9100: 0x9100,
  qinq9200: 0x9200,
} as const;

/** Protocol numbers of IPv4's protocol field and IPv6's next header. */
export const ipProtocols = {
  hopByHop: 0,
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  none: 59,
  destination: 60,
  sctp: 132,
  mobility: 135,
  ethernet: 143,
} as const;

/** UDP port of VXLAN (RFC 7348). */
export const vxlanPort = 4789;

/** UDP port of Geneve (RFC 8926). */
export const genevePort = 6081;

/** Ethernet types behind which a VLAN tag stands: 802.1Q, 802.1ad and the older numbers for stacked tags. */
export function isVlanType(type: number): boolean {
  return (
    type === etherTypes.vlan || type === etherTypes.qinq || type === etherTypes.qinq9100 || type === etherTypes.qinq9200
  );
}

/**
 * Whether an IPv6 next-header value is an extension header of the usual form: next header, length in 8-byte units - 1.
 */
export function isIpv6Extension(protocol: number): boolean {
  return (
    protocol === ipProtocols.hopByHop ||
    protocol === ipProtocols.routing ||
    protocol === ipProtocols.destination ||
    protocol === ipProtocols.mobility
  );
}

/** What tcpdump calls them (print-ether.c). */
const etherTypeNames: Readonly<Record<number, string>> = {
  2048: 'IPv4',
  2054: 'ARP',
  4096: 'Trail',
  24577: 'MOP DL',
  24578: 'MOP RC',
  24579: 'DN',
  24580: 'LAT',
  25944: 'TEB',
  32821: 'Reverse ARP',
  32923: 'Appletalk',
  33011: 'Appletalk ARP',
  33024: '802.1Q',
  33100: 'SNMP',
  34525: 'IPv6',
  34824: 'MPCP',
  34825: 'Slow Protocols',
  34827: 'PPP',
  34887: 'MPLS unicast',
  34888: 'MPLS multicast',
  34915: 'PPPoE D',
  34916: 'PPPoE S',
  34958: 'EAPOL',
  34978: 'AoE',
  34984: '802.1Q-QinQ',
  35020: 'LLDP',
  35045: '802.1AE MACsec',
  35063: 'PTP',
  35074: 'CFM',
  36864: 'Loopback',
  37120: '802.1Q-9100',
  37376: '802.1Q-9200',
};

/** The name that tcpdump gives an Ethernet type, `undefined` for one it does not know (or that is rare). */
export function etherTypeName(type: number): string | undefined {
  return etherTypeNames[type];
}

/** Classes of packets in tables of what they cost. */

const classes = ['all', 'IPv4 TCP', 'IPv4 UDP', 'IPv4', 'IPv6 TCP', 'IPv6 UDP', 'IPv6', 'ARP', 'other', 'short'];

/** Where a class stands in a table: `all` first, then by protocol. */
export function classRank(name: string): number {
  return classes.indexOf(name);
}

/** What kind of packet it is, by its first headers. */
export function packetClass(data: Uint8Array): string {
  if (data.length < 14) return 'short';
  let at = 12;
  let type = ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
  // Tags of VLANs, both kinds.
  while ((type === 0x8100 || type === 0x88a8) && at + 6 <= data.length) {
    at += 4;
    type = ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
  }
  if (type === 0x0806) return 'ARP';
  const version = type === 0x0800 ? 'IPv4' : type === 0x86dd ? 'IPv6' : undefined;
  if (version === undefined) return 'other';
  const protocol = data[at + 2 + (version === 'IPv4' ? 9 : 6)];
  return protocol === 6 ? `${version} TCP` : protocol === 17 ? `${version} UDP` : version;
}

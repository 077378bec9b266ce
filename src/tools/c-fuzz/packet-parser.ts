/** How a generated program finds its way to the ports, as parsers do (statements.ts has its locals). */
import type { Prng } from '../../packet/index.js';

/** Ethernet, up to two VLAN tags, IPv4 with options or IPv6 with extension headers, ports. */
export function packetParser(random: Prng): string {
  // A rare bail-out that leaves its mark in a map: an effect on a path that is left before the packet has been
  // parsed.
  const early = (verdict: string): string =>
    random.chance(0.3) ? `{ global_count++; return ${verdict}; }` : `return ${verdict};`;
  const lines = [
    '  struct eth *eth = data;',
    `  if ((void *)(eth + 1) > data_end) ${early('XDP_DROP')}`,
    '  __be16 type = eth->type; off = sizeof(*eth);',
  ];
  if (random.chance(0.7)) {
    lines.push(
      `  #pragma unroll`,
      `  for (int i = 0; i < ${1 + random.below(2)}; i++) {`,
      '    struct vlan *tag = data + off;',
      '    if (type != bpf_htons(0x8100) && type != bpf_htons(0x88a8)) break;',
      `    if ((void *)(tag + 1) > data_end) ${early('XDP_ABORTED')}`,
      '    b += bpf_ntohs(tag->tci) & 0xfff; type = tag->type; off += sizeof(*tag);',
      '  }',
    );
  }
  lines.push(
    '  if (type == bpf_htons(0x0800)) {',
    '    struct ip4 *ip = data + off;',
    `    if ((void *)(ip + 1) > data_end) ${early('XDP_DROP')}`,
    random.chance(0.5) ? `    if (ip->version != 4 || ip->ihl < 5) ${early('XDP_DROP')}` : '',
    '    a = ip->src; d = ip->dst; c = ip->proto;',
    random.chance(0.5) ? '    off += ip->ihl * 4;' : '    off += sizeof(*ip);',
  );
  if (random.chance(0.6)) {
    lines.push(
      '  } else if (type == bpf_htons(0x86dd)) {',
      '    struct ip6 *ip = data + off;',
      `    if ((void *)(ip + 1) > data_end) ${early('XDP_PASS')}`,
      '    off += sizeof(*ip); c = ip->next; a = *(__u32 *)&ip->dst[12];',
      `    for (int i = 0; i < ${1 + random.below(3)}; i++) {`,
      '      struct ext *e = data + off;',
      '      if (c != 0 && c != 43 && c != 60) break;',
      `      if ((void *)(e + 1) > data_end) ${early('XDP_DROP')}`,
      '      c = e->next; off += 8 + (e->len & 1) * 8;',
      '    }',
    );
  }
  lines.push(
    '  }',
    '  struct ports *l4 = data + off;',
    random.chance(0.5)
      ? `  if ((void *)(l4 + 1) <= data_end) { b ^= bpf_ntohs(l4->dport); y += l4->sport; }`
      : `  if ((void *)(l4 + 1) > data_end) ${early('XDP_PASS')}\n  b ^= bpf_ntohs(l4->dport);`,
  );
  return lines.filter((line) => line !== '').join('\n');
}

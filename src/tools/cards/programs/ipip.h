/* SPDX-License-Identifier: MIT */
/* What the balancers of this folder have in common: packets leave where they came in, in an outer IPv4 header. */
#ifndef IPIP_H
#define IPIP_H

#include "../../../../examples/common/checksum.h"
#include "../../../../examples/common/hash.h"
#include "../../../../examples/common/parse.h"

#define OUTER_TTL 64

/* Back to where the packet came from, in words of 16 bits: frames are aligned that far. */
static __always_inline void swap_macs_from(struct ethhdr *eth, const struct ethhdr *from)
{
	__u16 *to = (__u16 *)eth;
	const __u16 *old = (const __u16 *)from;

	for (int i = 0; i < 3; i++) {
		__u16 source = old[3 + i];

		to[3 + i] = old[i];
		to[i] = source;
	}
	to[6] = bpf_htons(ETH_P_IP);
}

/* The outer header of a packet whose own has `len` bytes in all; without addresses and checksum. */
static __always_inline void begin_outer(struct iphdr *ip, __u16 len, __be16 fragment)
{
	*(__u8 *)ip = 0x45;
	ip->tos = 0;
	ip->tot_len = bpf_htons(len + sizeof(*ip));
	ip->id = 0;
	ip->frag_off = fragment;
	ip->ttl = OUTER_TTL;
	ip->protocol = IPPROTO_IPIP;
	ip->check = 0;
}

#endif

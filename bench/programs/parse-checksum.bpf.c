// SPDX-License-Identifier: MIT
/* Parses Ethernet and IPv4 and verifies the header checksum. */
#include "common.h"

SEC("xdp")
int parse_checksum(struct xdp_md *ctx)
{
	FRAME(ctx, 34);
	struct ethernet *eth = data;
	__u16 *words = data + 14;
	__u32 sum = 0;

	if (eth->type != bpf_htons(ETH_P_IP))
		return XDP_PASS;
#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? XDP_PASS : XDP_DROP;
}

// SPDX-License-Identifier: MIT
/* Drops everything that is not IPv6. */
#include "common.h"

SEC("xdp")
int ipv6_filter(struct xdp_md *ctx)
{
	FRAME(ctx, 14);
	struct ethernet *eth = data;

	return eth->type == bpf_htons(ETH_P_IPV6) ? XDP_PASS : XDP_DROP;
}

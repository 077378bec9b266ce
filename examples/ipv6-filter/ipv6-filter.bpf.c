// SPDX-License-Identifier: MIT
/*
 * Drops everything that is not IPv6. One bounds check and one compare, hence three paths:
 *
 *   len >= 14 && eth.type != 0x86dd   DROP
 *   len >= 14 && eth.type == 0x86dd   PASS
 *   len < 14                          PASS
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* struct ethhdr is packed, which would make two byte loads of this one. */
struct ethernet {
	__u8 dst[ETH_ALEN];
	__u8 src[ETH_ALEN];
	__be16 type;
};

SEC("xdp")
int ipv6_filter(struct xdp_md *ctx)
{
	struct ethernet *eth = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	return eth->type == bpf_htons(ETH_P_IPV6) ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

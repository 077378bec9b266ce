// SPDX-License-Identifier: MIT
/* Sends an IPv4 packet back: swaps the addresses of Ethernet and IP. */
#include "common.h"

SEC("xdp")
int swap(struct xdp_md *ctx)
{
	FRAME(ctx, 34);
	__u16 *mac = data;
	__u32 *address = data + 26;

	if (mac[6] != bpf_htons(ETH_P_IP))
		return XDP_PASS;
#pragma unroll
	for (int i = 0; i < 3; i++) {
		__u16 dst = mac[i];

		mac[i] = mac[i + 3];
		mac[i + 3] = dst;
	}
	__u32 source = address[0];

	address[0] = address[1];
	address[1] = source;
	return XDP_TX;
}

// SPDX-License-Identifier: MIT
/* 100 rounds of arithmetic that depends on itself. */
#include "common.h"

SEC("xdp")
int alu_loop(struct xdp_md *ctx)
{
	FRAME(ctx, 34);
	__u64 x = *(__u32 *)(data + 26);

#pragma clang loop unroll(disable)
	for (int i = 0; i < 100; i++) {
		x = x * 6364136223846793005ULL + i;
		x ^= x >> 29;
	}
	return x == 0 ? XDP_DROP : XDP_PASS;
}

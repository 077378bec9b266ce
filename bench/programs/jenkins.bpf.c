// SPDX-License-Identifier: MIT
/* Jenkins's lookup3 over the first 64 bytes. */
#include "common.h"

static __always_inline __u32 rol32(__u32 x, int n)
{
	return x << n | x >> (32 - n);
}

#define MIX(a, b, c)                                    \
	do {                                            \
		a -= c; a ^= rol32(c, 4);  c += b;      \
		b -= a; b ^= rol32(a, 6);  a += c;      \
		c -= b; c ^= rol32(b, 8);  b += a;      \
		a -= c; a ^= rol32(c, 16); c += b;      \
		b -= a; b ^= rol32(a, 19); a += c;      \
		c -= b; c ^= rol32(b, 4);  b += a;      \
	} while (0)

SEC("xdp")
int jenkins(struct xdp_md *ctx)
{
	FRAME(ctx, 64);
	__u32 *k = data;
	__u32 a = 0xdeadbeef + 64, b = a, c = a;

#pragma unroll
	for (int i = 0; i < 5; i++) {
		a += k[3 * i];
		b += k[3 * i + 1];
		c += k[3 * i + 2];
		MIX(a, b, c);
	}
	a += k[15];
	c ^= b; c -= rol32(b, 14);
	a ^= c; a -= rol32(c, 11);
	b ^= a; b -= rol32(a, 25);
	c ^= b; c -= rol32(b, 16);
	a ^= c; a -= rol32(c, 4);
	b ^= a; b -= rol32(a, 14);
	c ^= b; c -= rol32(b, 24);
	return c & 1 ? XDP_PASS : XDP_DROP;
}

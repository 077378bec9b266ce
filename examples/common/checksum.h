/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum (RFC 1071) and its update in place (RFC 1624, equation 3): HC' = ~(~HC + ~m + m').
 *
 * The sum is of 16-bit words in memory order; it comes out right on either byte order because one's complement addition
 * does not care how its words are swapped as long as all of them are.
 */
#ifndef EXAMPLES_CHECKSUM_H
#define EXAMPLES_CHECKSUM_H

#include <linux/types.h>

#include <bpf/bpf_helpers.h>

/* One's complement sum of the four 16-bit halves, folded back to 16 bits. */
static __always_inline __u16 sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Sum of `words` 16-bit words; a constant number of them, so that the loop unrolls. */
static __always_inline __u64 sum_words(const void *from, int words)
{
	const __u16 *w = from;
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < words; i++)
		sum += w[i];
	return sum;
}

/* What has to be added to a checksum's complement when a 16-bit or 32-bit field changes. */
static __always_inline __u64 diff16(__u16 from, __u16 to)
{
	return (__u64)(__u16)~from + to;
}

static __always_inline __u64 diff32(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

/* The checksum after a change described by a sum of diff16 and diff32. */
static __always_inline __u16 checksum_update(__u16 check, __u64 diff)
{
	return ~sum_fold((__u64)(__u16)~check + diff);
}

#endif

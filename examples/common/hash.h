/* SPDX-License-Identifier: MIT */
/*
 * Hashing by the step and the finaliser of MurmurHash3_x86_32, which Austin Appleby put in the public domain. Values are
 * hashed as 32-bit words in memory order.
 */
#ifndef EXAMPLES_HASH_H
#define EXAMPLES_HASH_H

#include <linux/types.h>

#include "parse.h"

static __always_inline __u32 hash_step(__u32 h, __u32 word)
{
	word *= 0xcc9e2d51;
	word = (word << 15) | (word >> 17);
	word *= 0x1b873593;
	h ^= word;
	h = (h << 13) | (h >> 19);
	return h * 5 + 0xe6546b64;
}

static __always_inline __u32 hash_end(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ (h >> 16);
}

static __always_inline __u32 hash_addr(__u32 h, const struct addr *a)
{
	h = hash_step(h, a->w[0]);
	h = hash_step(h, a->w[1]);
	h = hash_step(h, a->w[2]);
	return hash_step(h, a->w[3]);
}

#endif

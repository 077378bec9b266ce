/* SPDX-License-Identifier: MIT */
/* What a translated program (src/tools/peers/translate.ts) and the C that calls it share. */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <stdint.h>

/* struct xdp_md: addresses have 32 bits, so packets lie below 4 GiB. */
struct context {
	uint32_t data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

/* A program as JIT compilers for user space make one: a function that is reached through its address. */
typedef uint64_t (*program)(void *context, size_t size);

/* In the module of the program, which is compiled by itself, as a JIT compiler would. */
extern uint64_t run_program(void *context, size_t size);

/* A map of the program. `values` of an array is all there is; a hash map has nodes that are chained by bucket. */
struct map {
	uint32_t is_hash, key_size, value_size, max_entries, used, mask;
	uint8_t *values;
	uint32_t *buckets;
};

extern struct map maps[];
extern const uint32_t map_count;

/* Helpers by their number in Linux. */
uint64_t helper_1(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t);
uint64_t helper_2(uint64_t map, uint64_t key, uint64_t value, uint64_t flags, uint64_t);

#endif

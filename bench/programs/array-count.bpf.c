// SPDX-License-Identifier: MIT
/* Counts packets by IP protocol in an array. */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 256);
} counts SEC(".maps");

SEC("xdp")
int array_count(struct xdp_md *ctx)
{
	FRAME(ctx, 34);
	__u32 key = *(__u8 *)(data + 23);
	__u64 *count = bpf_map_lookup_elem(&counts, &key);

	if (count)
		++*count;
	return XDP_PASS;
}

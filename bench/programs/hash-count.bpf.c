// SPDX-License-Identifier: MIT
/* Counts packets by flow in a hash map. */
#include "common.h"

struct flow {
	__be32 source, destination;
	__be16 sport, dport;
	__u32 proto;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct flow);
	__type(value, __u64);
	__uint(max_entries, 4096);
} flows SEC(".maps");

SEC("xdp")
int hash_count(struct xdp_md *ctx)
{
	FRAME(ctx, 38);
	struct flow flow = {
		.source = *(__be32 *)(data + 26),
		.destination = *(__be32 *)(data + 30),
		.sport = *(__be16 *)(data + 34),
		.dport = *(__be16 *)(data + 36),
		.proto = *(__u8 *)(data + 23),
	};
	__u64 *count = bpf_map_lookup_elem(&flows, &flow);
	__u64 one = 1;

	if (count)
		++*count;
	else
		bpf_map_update_elem(&flows, &flow, &one, BPF_ANY);
	return XDP_PASS;
}

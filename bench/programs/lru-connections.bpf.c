// SPDX-License-Identifier: MIT
/* A connection table: new flows are entered, known ones counted; the least recently used goes. */
#include "common.h"

struct flow {
	__be32 source, destination;
	__be16 sport, dport;
	__u32 proto;
};

struct connection {
	__u64 packets, bytes, last;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct flow);
	__type(value, struct connection);
	__uint(max_entries, 4096);
} connections SEC(".maps");

SEC("xdp")
int lru_connections(struct xdp_md *ctx)
{
	FRAME(ctx, 38);
	struct flow flow = {
		.source = *(__be32 *)(data + 26),
		.destination = *(__be32 *)(data + 30),
		.sport = *(__be16 *)(data + 34),
		.dport = *(__be16 *)(data + 36),
		.proto = *(__u8 *)(data + 23),
	};
	struct connection *known = bpf_map_lookup_elem(&connections, &flow);

	if (known) {
		known->packets++;
		known->bytes += data_end - data;
		return XDP_PASS;
	}
	struct connection fresh = { .packets = 1, .bytes = data_end - data };

	bpf_map_update_elem(&connections, &flow, &fresh, BPF_ANY);
	return XDP_PASS;
}

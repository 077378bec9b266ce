// SPDX-License-Identifier: MIT
/* Looks up the destination in a table of prefixes. */
#include "common.h"

struct prefix {
	__u32 length;
	__be32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u32);
	__uint(max_entries, 1024);
} routes SEC(".maps");

SEC("xdp")
int lpm_route(struct xdp_md *ctx)
{
	FRAME(ctx, 34);
	struct prefix key = { .length = 32, .address = *(__be32 *)(data + 30) };
	__u32 *verdict = bpf_map_lookup_elem(&routes, &key);

	return verdict ? *verdict : XDP_DROP;
}

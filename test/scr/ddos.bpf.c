// SPDX-License-Identifier: MIT
/* The smallest of the published examples: packets are counted by source address, and those of a source past a limit dropped. */
#include "headers.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} sources SEC(".maps");

SEC("xdp")
int ddos(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_of(ctx);
	__u64 one = 1, *count;
	__u32 source;

	if (!ip)
		return XDP_PASS;
	source = ip->saddr;
	count = bpf_map_lookup_elem(&sources, &source);
	if (!count) {
		bpf_map_update_elem(&sources, &source, &one, BPF_ANY);
		return XDP_PASS;
	}
	*count += 1;
	return *count > 100 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

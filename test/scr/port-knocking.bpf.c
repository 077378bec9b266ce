// SPDX-License-Identifier: MIT
/* A source that knocks at TCP ports 100, 101, 102 in that order may use all others. */
#include "headers.h"

enum { CLOSED_0, CLOSED_1, CLOSED_2, OPEN };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} states SEC(".maps");

static __always_inline __u32 next_state(__u32 state, __be16 port)
{
	if (state == CLOSED_0 && port == bpf_htons(100))
		return CLOSED_1;
	if (state == CLOSED_1 && port == bpf_htons(101))
		return CLOSED_2;
	if (state == CLOSED_2 && port == bpf_htons(102))
		return OPEN;
	return state == OPEN ? OPEN : CLOSED_0;
}

SEC("xdp")
int port_knocking(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_of(ctx);
	struct tcphdr *tcp;
	__u32 source, fresh, *state;

	if (!ip || !(tcp = tcp_of(ctx, ip)))
		return XDP_DROP;
	source = ip->saddr;
	state = bpf_map_lookup_elem(&states, &source);
	if (!state) {
		fresh = next_state(CLOSED_0, tcp->dest);
		bpf_map_update_elem(&states, &source, &fresh, BPF_ANY);
		return XDP_DROP;
	}
	*state = next_state(*state, tcp->dest);
	return *state == OPEN ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

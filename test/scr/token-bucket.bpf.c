// SPDX-License-Identifier: MIT
/* A token bucket for each TCP flow: 8 packets at once, then one a millisecond. */
#include "headers.h"

#define BURST 8
#define NS_PER_TOKEN 1000000

struct bucket {
	__u64 last; /* ns */
	__u32 tokens;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct bucket);
} buckets SEC(".maps");

SEC("xdp")
int token_bucket(struct xdp_md *ctx)
{
	struct bucket fresh = { .tokens = BURST - 1 };
	struct iphdr *ip = ipv4_of(ctx);
	struct bucket *bucket;
	struct tcphdr *tcp;
	struct flow flow;
	__u64 now, earned;

	if (!ip || !(tcp = tcp_of(ctx, ip)))
		return XDP_PASS;
	flow = flow_of(ip, tcp);
	now = bpf_ktime_get_ns();
	bucket = bpf_map_lookup_elem(&buckets, &flow);
	if (!bucket) {
		fresh.last = now;
		bpf_map_update_elem(&buckets, &flow, &fresh, BPF_ANY);
		return XDP_PASS;
	}
	earned = (now - bucket->last) / NS_PER_TOKEN;
	if (earned) {
		bucket->last = now;
		bucket->tokens = earned + bucket->tokens > BURST ? BURST : earned + bucket->tokens;
	}
	if (!bucket->tokens)
		return XDP_DROP;
	bucket->tokens--;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

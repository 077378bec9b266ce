// SPDX-License-Identifier: MIT
/*
 * A token bucket that was replicated by hand, with the mistake of a published one: the packets before this one are
 * replayed with the sequencer's time, this one's time is the core's own.
 */
#include "headers.h"

#define ITEMS 3
#define NS_PER_TOKEN 1000000

struct bucket {
	__u64 last;
	__u64 tokens;
};

struct item {
	__be32 saddr;
	__u32 pad;
	__u64 time;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

static __always_inline int take(__u32 source, __u64 now)
{
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &source);
	struct bucket fresh = { .last = now, .tokens = 7 };

	if (!bucket) {
		bpf_map_update_elem(&buckets, &source, &fresh, BPF_ANY);
		return XDP_PASS;
	}
	bucket->tokens += (now - bucket->last) / NS_PER_TOKEN;
	bucket->last = now;
	if (!bucket->tokens)
		return XDP_DROP;
	bucket->tokens--;
	return XDP_PASS;
}

SEC("xdp")
int scr_token_bucket(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct item *items = (void *)(long)ctx->data + sizeof(struct ethhdr);
	struct iphdr *ip = (void *)(items + ITEMS) + sizeof(struct ethhdr);

	if ((void *)(ip + 1) > end)
		return XDP_DROP;
	for (int i = 0; i < ITEMS; i++)
		take(items[i].saddr, items[i].time);
	return take(ip->saddr, bpf_ktime_get_ns());
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

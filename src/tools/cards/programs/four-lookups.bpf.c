// SPDX-License-Identifier: MIT
/*
 * The load balancer of the examples, cut to what a packet of an established service does: IPv4, TCP and UDP, no
 * connection table, and four look-ups: VIP, ring, real, the real's traffic. Counters are added to atomically, since a
 * card has no CPUs to give each a copy.
 */
#include "ipip.h"

#define RING_SIZE 251

struct vip_key {
	__be32 addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct real {
	__be32 addr;
	__u32 flags;
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32);
	__type(key, struct vip_key);
	__type(value, __u32);
} vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16 * RING_SIZE);
	__type(key, __u32);
	__type(value, __u32);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct real);
} reals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct traffic);
} real_traffic SEC(".maps");

SEC("xdp")
int four_lookups(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	struct ethhdr *eth = TAKE(&c, struct ethhdr), *old;
	struct iphdr *ip = TAKE(&c, struct iphdr);
	struct ports *ports = TAKE(&c, struct ports);
	struct vip_key key = {};
	struct traffic *traffic;
	struct real *real;
	__u32 *number, *entry, hash, slot, index;
	__u16 len;

	if (!eth || !ip || !ports || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return XDP_PASS;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	key.addr = ip->daddr;
	key.port = ports->dst;
	key.proto = ip->protocol;
	number = bpf_map_lookup_elem(&vips, &key);
	if (!number)
		return XDP_PASS;

	hash = hash_end(hash_step(hash_step(0, ip->saddr), (__u32)ports->src << 16 | ports->dst));
	slot = *number * RING_SIZE + hash % RING_SIZE;
	entry = bpf_map_lookup_elem(&rings, &slot);
	if (!entry)
		return XDP_DROP;
	index = *entry;
	real = bpf_map_lookup_elem(&reals, &index);
	if (!real || !real->flags)
		return XDP_DROP;
	len = bpf_ntohs(ip->tot_len);
	traffic = bpf_map_lookup_elem(&real_traffic, &index);
	if (traffic) {
		__sync_fetch_and_add(&traffic->packets, 1);
		__sync_fetch_and_add(&traffic->bytes, len);
	}

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return XDP_ABORTED;
	c = cursor_of(ctx);
	eth = TAKE(&c, struct ethhdr);
	ip = TAKE(&c, struct iphdr);
	old = (void *)eth + sizeof(*ip);
	if (!eth || !ip || !TAKE(&c, struct ethhdr))
		return XDP_ABORTED;
	swap_macs_from(eth, old);
	begin_outer(ip, len, bpf_htons(IPV4_DF));
	ip->saddr = bpf_htonl(0xac100000) | (hash & bpf_htonl(0xffff));
	ip->daddr = real->addr;
	ip->check = ~sum_fold(sum_words(ip, sizeof(*ip) / 2));
	return XDP_TX;
}

// SPDX-License-Identifier: MIT
/*
 * A load balancer of the kind that the vendor's samples have: packets to 32 destinations, chosen by a hash of
 * addresses and ports, one look-up, IP in IP. Written for the model; only what is published of theirs is the same.
 */
#include "ipip.h"

#define SERVERS 32

struct server {
	__be32 from;
	__be32 to;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SERVERS);
	__type(key, __u32);
	__type(value, struct server);
} servers SEC(".maps");

SEC("xdp")
int sample_balancer(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	struct ethhdr *eth = TAKE(&c, struct ethhdr), *old;
	struct iphdr *ip = TAKE(&c, struct iphdr);
	struct ports *ports = TAKE(&c, struct ports);
	struct server *server;
	__u32 key;
	__u16 len;

	if (!eth || !ip || !ports || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return XDP_DROP;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return XDP_DROP;
	key = hash_step(hash_step(0, ip->saddr), ip->daddr);
	key = hash_end(hash_step(key, (__u32)ports->src << 16 | ports->dst)) % SERVERS;
	server = bpf_map_lookup_elem(&servers, &key);
	if (!server)
		return XDP_DROP;
	len = bpf_ntohs(ip->tot_len);

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return XDP_DROP;
	c = cursor_of(ctx);
	eth = TAKE(&c, struct ethhdr);
	ip = TAKE(&c, struct iphdr);
	old = (void *)eth + sizeof(*ip);
	if (!eth || !ip || !TAKE(&c, struct ethhdr))
		return XDP_DROP;
	swap_macs_from(eth, old);
	begin_outer(ip, len, 0);
	ip->saddr = server->from;
	ip->daddr = server->to;
	ip->check = ~sum_fold(sum_words(ip, sizeof(*ip) / 2));
	return XDP_TX;
}

// SPDX-License-Identifier: MIT
/*
 * A router for IPv4 and IPv6.
 *
 * The destination's longest matching prefix names a route: deliver here, discard, or forward by a group of next hops,
 * from which the hash of the flow picks one (equal cost multipath, RFC 2992). A next hop holds what the frame needs: the
 * two MAC addresses, the VLAN, the MTU and the port to leave by. Forwarding decrements the TTL, updates the checksum,
 * rewrites the Ethernet header, pushes, pops or rewrites the VLAN tag and redirects through a DEVMAP.
 *
 * What takes thought goes up the stack, which sends the ICMP errors and knows the neighbours: TTL at its end, IP
 * options, packets larger than the next hop's MTU, multicast, no route.
 */
#include "../common/checksum.h"
#include "../common/hash.h"
#include "../common/parse.h"

#define MAX_NEXT_HOPS 64
#define MAX_PORTS 64

struct lpm_key4 {
	__u32 prefix_len;
	__be32 addr;
};

struct lpm_key6 {
	__u32 prefix_len;
	struct addr addr;
};

enum route_kind {
	ROUTE_FORWARD,
	ROUTE_LOCAL,
	ROUTE_BLACKHOLE,
	ROUTE_UNREACHABLE, /* the stack answers with an ICMP error */
};

struct route {
	__u32 kind;
	__u16 first_hop; /* FORWARD: next hops first_hop to first_hop + hops - 1 */
	__u16 hops;
};

struct next_hop {
	__u8 dst_mac[ETH_ALEN];
	__u8 src_mac[ETH_ALEN];
	__u16 port; /* index into `ports` */
	__u16 vlan; /* 0: untagged */
	__u16 mtu;
	__u16 pad;
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

enum counter {
	FORWARDED,
	NOT_IP,
	MALFORMED,
	BAD_SOURCE,
	MULTICAST,
	TTL_EXPIRED,
	OPTIONS,
	NO_ROUTE,
	LOCAL,
	BLACKHOLE,
	UNREACHABLE,
	TOO_BIG,
	NO_NEXT_HOP,
	VLAN_PUSHED,
	VLAN_POPPED,
	VLAN_REWRITTEN,
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lpm_key4);
	__type(value, struct route);
} routes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lpm_key6);
	__type(value, struct route);
} routes6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_NEXT_HOPS);
	__type(key, __u32);
	__type(value, struct next_hop);
} next_hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_NEXT_HOPS);
	__type(key, __u32);
	__type(value, struct traffic);
} hop_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		*value += 1;
}

static __always_inline int verdict(__u32 why, int action)
{
	count(why);
	return action;
}

/* Ethernet header and at most one VLAN tag, which is all that a router of ours rewrites. */
struct link {
	struct ethhdr *eth;
	struct vlan_tag *tag; /* NULL if untagged */
	__be16 proto;
};

static __always_inline int take_link(struct cursor *c, struct link *link)
{
	link->eth = TAKE(c, struct ethhdr);
	if (!link->eth)
		return -1;
	link->tag = NULL;
	link->proto = link->eth->h_proto;
	if (link->proto == bpf_htons(ETH_P_8021Q)) {
		link->tag = TAKE(c, struct vlan_tag);
		if (!link->tag)
			return -1;
		link->proto = link->tag->encapsulated_proto;
	}
	return 0;
}

/* Flow hash over addresses, protocol and, where the packet has them, ports: a flow keeps to one path. */
static __always_inline __u32 hash_of(struct cursor c, const struct ip_info *ip)
{
	__u32 h = hash_step(hash_addr(hash_addr(0, &ip->src), &ip->dst), ip->proto);

	if (ip->fragment == NOT_FRAGMENTED && (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP)) {
		struct ports *ports = TAKE(&c, struct ports);

		if (ports)
			h = hash_step(h, (__u32)ports->src << 16 | ports->dst);
	}
	return hash_end(h);
}

static __always_inline int is_multicast4(__be32 addr)
{
	return (addr & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) || addr == bpf_htonl(0xffffffff);
}

/* Sources that no packet on a wire has (RFC 1812 section 5.3.7): this net, loopback, multicast, reserved. */
static __always_inline int is_bad_source4(__be32 addr)
{
	__u32 top = bpf_ntohl(addr) >> 24;

	return top == 0 || top == 127 || top >= 224;
}

static __always_inline int is_bad_source6(const struct addr *a)
{
	int low = !a->w[0] && !a->w[1] && !a->w[2] && (a->w[3] == 0 || a->w[3] == bpf_htonl(1));

	return low || (a->w[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

static __always_inline int is_link_local6(const struct addr *a)
{
	return (a->w[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

static __always_inline struct route *find_route(const struct ip_info *ip)
{
	if (ip->version == 4) {
		struct lpm_key4 key = { 32, ip->dst.w[3] };

		return bpf_map_lookup_elem(&routes4, &key);
	} else {
		struct lpm_key6 key = { 128, ip->dst };

		return bpf_map_lookup_elem(&routes6, &key);
	}
}

static __always_inline void set_macs(struct ethhdr *eth, const struct next_hop *hop)
{
	__builtin_memcpy(eth->h_dest, hop->dst_mac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, hop->src_mac, ETH_ALEN);
}

/* The frame grows by a tag; its priority bits are 0. */
static __noinline int push_vlan(struct xdp_md *ctx, const struct next_hop *hop, __be16 proto)
{
	struct cursor c;
	struct ethhdr *eth;
	struct vlan_tag *tag;

	if (!hop || bpf_xdp_adjust_head(ctx, -(int)sizeof(*tag)))
		return XDP_ABORTED;
	c = cursor_of(ctx);
	if (!(eth = TAKE(&c, struct ethhdr)) || !(tag = TAKE(&c, struct vlan_tag)))
		return XDP_ABORTED;
	set_macs(eth, hop);
	eth->h_proto = bpf_htons(ETH_P_8021Q);
	tag->tci = bpf_htons(hop->vlan);
	tag->encapsulated_proto = proto;
	count(VLAN_PUSHED);
	return XDP_PASS;
}

static __noinline int pop_vlan(struct xdp_md *ctx, const struct next_hop *hop, __be16 proto)
{
	struct cursor c;
	struct ethhdr *eth;

	if (!hop || bpf_xdp_adjust_head(ctx, sizeof(struct vlan_tag)))
		return XDP_ABORTED;
	c = cursor_of(ctx);
	eth = TAKE(&c, struct ethhdr);
	if (!eth)
		return XDP_ABORTED;
	set_macs(eth, hop);
	eth->h_proto = proto;
	count(VLAN_POPPED);
	return XDP_PASS;
}

static __always_inline int rewrite_link(struct xdp_md *ctx, const struct link *link, const struct next_hop *hop)
{
	if (hop->vlan && !link->tag)
		return push_vlan(ctx, hop, link->proto);
	if (!hop->vlan && link->tag)
		return pop_vlan(ctx, hop, link->proto);
	set_macs(link->eth, hop);
	if (link->tag) {
		link->tag->tci = (link->tag->tci & bpf_htons(0xf000)) | bpf_htons(hop->vlan);
		count(VLAN_REWRITTEN);
	}
	return XDP_PASS;
}

/* TTL and protocol share a 16-bit word of the checksum; the hop limit of IPv6 is in none. */
static __always_inline void decrement_ttl(void *l3, __u8 version)
{
	if (version == 4) {
		struct iphdr *ip = l3;
		__u16 before = *(__u16 *)&ip->ttl;

		ip->ttl--;
		ip->check = checksum_update(ip->check, diff16(before, *(__u16 *)&ip->ttl));
	} else {
		((struct ipv6hdr *)l3)->hop_limit--;
	}
}

SEC("xdp")
int lpm_router(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	struct next_hop *hop;
	struct traffic *traffic;
	struct route *route;
	struct ip_info ip;
	struct link link;
	__u32 index;
	void *l3;

	if (take_link(&c, &link))
		return verdict(MALFORMED, XDP_DROP);
	l3 = c.pos;
	switch (take_ip(&c, link.proto, &ip)) {
	case IP_OK:
		break;
	case IP_OTHER: /* ARP, LLDP, ... */
		return verdict(NOT_IP, XDP_PASS);
	case IP_MALFORMED:
		return verdict(MALFORMED, XDP_DROP);
	}

	if (ip.version == 4) {
		if (is_bad_source4(ip.src.w[3]))
			return verdict(BAD_SOURCE, XDP_DROP);
		if (is_multicast4(ip.dst.w[3]))
			return verdict(MULTICAST, XDP_PASS);
		if (c.pos != l3 + sizeof(struct iphdr))
			return verdict(OPTIONS, XDP_PASS);
	} else {
		if (is_bad_source6(&ip.src))
			return verdict(BAD_SOURCE, XDP_DROP);
		if ((ip.dst.w[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000))
			return verdict(MULTICAST, XDP_PASS);
		/* Link-local addresses mean something on their link only: never forwarded, neighbour discovery needs them. */
		if (is_link_local6(&ip.src) || is_link_local6(&ip.dst))
			return verdict(LOCAL, XDP_PASS);
	}

	route = find_route(&ip);
	if (!route)
		return verdict(NO_ROUTE, XDP_PASS);
	switch (route->kind) {
	case ROUTE_FORWARD:
		break;
	case ROUTE_LOCAL:
		return verdict(LOCAL, XDP_PASS);
	case ROUTE_BLACKHOLE:
		return verdict(BLACKHOLE, XDP_DROP);
	default:
		return verdict(UNREACHABLE, XDP_PASS);
	}
	if (ip.ttl <= 1)
		return verdict(TTL_EXPIRED, XDP_PASS);

	index = route->first_hop;
	if (route->hops > 1)
		index += hash_of(c, &ip) % route->hops;
	hop = bpf_map_lookup_elem(&next_hops, &index);
	if (!hop || !hop->mtu)
		return verdict(NO_NEXT_HOP, XDP_PASS);
	if (ip.len > hop->mtu)
		return verdict(TOO_BIG, XDP_PASS);

	decrement_ttl(l3, ip.version);
	if (rewrite_link(ctx, &link, hop) != XDP_PASS)
		return XDP_ABORTED;

	traffic = bpf_map_lookup_elem(&hop_traffic, &index);
	if (traffic) {
		traffic->packets++;
		traffic->bytes += ip.len;
	}
	count(FORWARDED);
	/* A port that is not there: the packet is already rewritten, so the stack could do nothing with it. */
	return bpf_redirect_map(&ports, hop->port, XDP_DROP);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

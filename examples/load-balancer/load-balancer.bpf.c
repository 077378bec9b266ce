// SPDX-License-Identifier: MIT
/*
 * A layer 4 load balancer.
 *
 * Clients send to a virtual IP address (VIP). Every packet to a VIP's port is tunnelled (IP in IP, RFC 2003 and RFC 2473)
 * to one of the servers behind it, the *reals*, which answer the client directly. The choice must be the same for every
 * packet of a connection, on every balancer, even while reals come and go:
 *
 *  - A consistent hash ring for each VIP maps the hash of a connection to a real. The rings are made outside (Maglev,
 *    NSDI 2016, section 3.4): when a real leaves, the other reals' slots stay where they are, nearly all of them.
 *  - An LRU table remembers the real of each connection seen, which covers the slots that do move. A TCP SYN skips it,
 *    an entry of a dead real is not believed, an entry of a UDP flow ages out.
 *
 * ICMP echo to a VIP is answered here. An ICMP error about a balanced connection (it quotes a packet from the VIP to the
 * client) goes to the real that has the connection. A packet that does not fit into the tunnel is answered with
 * "fragmentation needed" or "packet too big". Everything that is not for a VIP goes up the stack.
 */
#include "../common/checksum.h"
#include "../common/hash.h"
#include "../common/parse.h"

#define MAX_VIPS 16
#define MAX_REALS 64
#define RING_SIZE 251 /* prime; a real deployment takes 65,537 */
#define OUTER_TTL 64
#define QUOTED_V4 28 /* what an ICMP error quotes: IPv4 header and 8 bytes (RFC 792) */
#define QUOTED_V6 128
#define MAX_FRAME_DATA 1500

/* A row with port and proto 0 stands for the address as such: it has one iff the address is a VIP. */
struct vip_key {
	struct addr addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

#define VIP_HASH_ADDRESS_ONLY 1 /* all connections of a client go to one real */
#define VIP_STATELESS 2 /* never in the connection table: the ring alone decides */

struct vip {
	__u32 number; /* index of its ring and its statistics */
	__u32 flags;
};

#define REAL_UP 1
#define REAL_IPV6 2

struct real {
	struct addr addr; /* IPv4 in mapped form */
	__u32 flags;
};

/* A connection, as the client's packets show it. */
struct flow {
	struct addr client;
	struct addr vip;
	__be16 client_port;
	__be16 vip_port;
	__u8 proto;
	__u8 pad[3];
};

struct connection {
	__u64 last_seen; /* ns */
	__u32 real;
	__u32 pad;
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

enum counter {
	CONNECTION_HIT,
	CONNECTION_MISS,
	CONNECTION_EXPIRED,
	CONNECTION_REAL_DOWN,
	CONNECTION_NOT_STORED, /* new connections come too fast */
	TCP_SYN_SEEN,
	ECHO_ANSWERED,
	ICMP_ERROR_FORWARDED,
	TOO_BIG,
	DROP_MALFORMED,
	DROP_FRAGMENT,
	DROP_NO_SERVICE,
	DROP_NO_REAL,
	COUNTERS,
};

struct new_connection_rate {
	__u64 window_start;
	__u64 count;
};

/* Set by the loader before the program is loaded. */
const volatile __u8 gateway_mac[ETH_ALEN] = { 0x02, 0, 0, 0, 0, 0x01 };
const volatile __be32 tunnel_net4 = bpf_htonl(0xac100000); /* 172.16.0.0/16, completed with 16 bits of hash */
const volatile struct addr tunnel_net6 = { { bpf_htonl(0xfd0000ac), 0, 0, 0 } };
const volatile __u64 udp_timeout_ns = 30 * NSEC_PER_SEC;
const volatile __u32 max_new_connections = 100000; /* per second and CPU */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * MAX_VIPS);
	__type(key, struct vip_key);
	__type(value, struct vip);
} vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_REALS);
	__type(key, __u32);
	__type(value, struct real);
} reals SEC(".maps");

/* Slot -> index of a real. */
struct ring {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RING_SIZE);
	__type(key, __u32);
	__type(value, __u32);
} ring_web SEC(".maps"), ring_dns SEC(".maps"), ring_web6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MAX_VIPS);
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps") = {
	.values = { [0] = &ring_web, [1] = &ring_dns, [2] = &ring_web6 },
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_VIPS);
	__type(key, __u32);
	__type(value, struct traffic);
} vip_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_REALS);
	__type(key, __u32);
	__type(value, struct traffic);
} real_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct new_connection_rate);
} rate SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		*value += 1;
}

static __always_inline void add_traffic(void *map, __u32 index, __u32 bytes)
{
	struct traffic *t = bpf_map_lookup_elem(map, &index);

	if (t) {
		t->packets++;
		t->bytes += bytes;
	}
}

static __always_inline __u32 hash_flow(const struct flow *flow, __u32 vip_flags)
{
	__u32 h = hash_addr(0, &flow->client);

	if (!(vip_flags & VIP_HASH_ADDRESS_ONLY))
		h = hash_step(h, (__u32)flow->client_port << 16 | flow->vip_port);
	return hash_end(h);
}

/* Whether this CPU may put one more connection into the table: a flood of new ones must not flush the old ones out. */
static __always_inline int may_store_connection(__u64 now)
{
	__u32 zero = 0;
	struct new_connection_rate *r = bpf_map_lookup_elem(&rate, &zero);

	if (!r)
		return 0;
	if (now - r->window_start > NSEC_PER_SEC) {
		r->window_start = now;
		r->count = 0;
	}
	return r->count++ < max_new_connections;
}

/* The real that the connection table has for a flow, or NULL. Sets `*index`. */
static __always_inline struct real *connected_real(const struct flow *flow, __u64 now, __u32 *index)
{
	struct connection *c = bpf_map_lookup_elem(&connections, flow);
	struct real *real;

	if (!c) {
		count(CONNECTION_MISS);
		return NULL;
	}
	if (flow->proto == IPPROTO_UDP && now - c->last_seen > udp_timeout_ns) {
		count(CONNECTION_EXPIRED);
		return NULL;
	}
	*index = c->real;
	real = bpf_map_lookup_elem(&reals, index);
	if (!real || !(real->flags & REAL_UP)) {
		count(CONNECTION_REAL_DOWN);
		return NULL;
	}
	c->last_seen = now;
	count(CONNECTION_HIT);
	return real;
}

/* The real in the flow's slot of the VIP's ring, or NULL. Sets `*index`. */
static __always_inline struct real *ring_real(const struct vip *vip, __u32 hash, __u32 *index)
{
	__u32 number = vip->number;
	__u32 slot = hash % RING_SIZE;
	void *ring = bpf_map_lookup_elem(&rings, &number);
	struct real *real;
	__u32 *entry;

	if (!ring)
		return NULL;
	entry = bpf_map_lookup_elem(ring, &slot);
	if (!entry)
		return NULL;
	*index = *entry;
	real = bpf_map_lookup_elem(&reals, index);
	return real && real->flags & REAL_UP ? real : NULL;
}

static __noinline struct real *choose_real(const struct flow *flow, const struct vip *vip, __u32 hash, int syn, __u32 *index)
{
	__u64 now = bpf_ktime_get_ns();
	struct real *real = NULL;

	if (!(vip->flags & VIP_STATELESS) && !syn)
		real = connected_real(flow, now, index);
	if (real)
		return real;

	real = ring_real(vip, hash, index);
	if (real && !(vip->flags & VIP_STATELESS)) {
		struct connection c = { .last_seen = now, .real = *index };

		if (may_store_connection(now))
			bpf_map_update_elem(&connections, flow, &c, BPF_ANY);
		else
			count(CONNECTION_NOT_STORED);
	}
	return real;
}

static __always_inline void write_ethernet(struct ethhdr *eth, const struct ethhdr *from, __be16 proto)
{
	/* The frame came to us: our address is its destination. */
	__builtin_memcpy(eth->h_source, from->h_dest, ETH_ALEN);
	for (int i = 0; i < ETH_ALEN; i++)
		eth->h_dest[i] = gateway_mac[i];
	eth->h_proto = proto;
}

static __always_inline void write_ipv4(struct iphdr *ip, __u8 tos, __u16 len, __u8 proto, __be32 src, __be32 dst)
{
	*(__u8 *)ip = 0x45;
	ip->tos = tos;
	ip->tot_len = bpf_htons(len);
	ip->id = 0;
	ip->frag_off = bpf_htons(IPV4_DF);
	ip->ttl = OUTER_TTL;
	ip->protocol = proto;
	ip->check = 0;
	ip->saddr = src;
	ip->daddr = dst;
	ip->check = ~sum_fold(sum_words(ip, sizeof(*ip) / 2));
}

/* `first` is version, traffic class and flow label in host order. */
static __always_inline void write_ipv6(struct ipv6hdr *ip6, __u32 first, __u16 payload, __u8 proto)
{
	*(__be32 *)ip6 = bpf_htonl(first);
	ip6->payload_len = bpf_htons(payload);
	ip6->nexthdr = proto;
	ip6->hop_limit = OUTER_TTL;
}

struct inner {
	__u32 len;
	__u8 proto; /* IPPROTO_IPIP or IPPROTO_IPV6 */
	__u8 tos;
};

static __always_inline int encapsulate4(struct xdp_md *ctx, const struct real *real, __u32 hash, const struct inner *inner)
{
	struct cursor c;
	struct ethhdr *old, *eth;
	struct iphdr *ip;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return XDP_ABORTED;
	c = cursor_of(ctx);
	if (!(eth = TAKE(&c, struct ethhdr)) || !(ip = TAKE(&c, struct iphdr)))
		return XDP_ABORTED;
	/* The old Ethernet header is under the tail of the new IP header: read it before that is written. */
	old = (void *)eth + sizeof(*ip);
	write_ethernet(eth, old, bpf_htons(ETH_P_IP));
	write_ipv4(ip, inner->tos, inner->len + sizeof(*ip), inner->proto, tunnel_net4 | (hash & bpf_htonl(0xffff)), real->addr.w[3]);
	return XDP_TX;
}

static __always_inline int encapsulate6(struct xdp_md *ctx, const struct real *real, __u32 hash, const struct inner *inner)
{
	struct cursor c;
	struct ethhdr *old, *eth;
	struct ipv6hdr *ip6;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip6)))
		return XDP_ABORTED;
	c = cursor_of(ctx);
	if (!(eth = TAKE(&c, struct ethhdr)) || !(ip6 = TAKE(&c, struct ipv6hdr)))
		return XDP_ABORTED;
	old = (void *)eth + sizeof(*ip6);
	write_ethernet(eth, old, bpf_htons(ETH_P_IPV6));
	/* The hash as the flow label spreads the tunnels over a router's paths (RFC 6438). */
	write_ipv6(ip6, 6u << 28 | (__u32)inner->tos << 20 | (hash & 0xfffff), inner->len, inner->proto);
	ip6->saddr.s6_addr32[0] = tunnel_net6.w[0];
	ip6->saddr.s6_addr32[1] = tunnel_net6.w[1];
	ip6->saddr.s6_addr32[2] = tunnel_net6.w[2];
	ip6->saddr.s6_addr32[3] = tunnel_net6.w[3] | hash;
	__builtin_memcpy(&ip6->daddr, &real->addr, sizeof(ip6->daddr));
	return XDP_TX;
}

/* Cuts the packet down to `quote` bytes behind the Ethernet header and makes `room` in front of them. */
static __always_inline int cut_to_quote(struct xdp_md *ctx, __u32 quote, __u32 room)
{
	__u32 len = ctx->data_end - ctx->data;
	__u32 want = sizeof(struct ethhdr) + quote;

	if (len < want || bpf_xdp_adjust_tail(ctx, -(int)(len - want)))
		return -1;
	return bpf_xdp_adjust_head(ctx, -(int)room);
}

static __always_inline void answer_ethernet(struct ethhdr *eth, const struct ethhdr *from)
{
	__builtin_memcpy(eth->h_dest, from->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, from->h_dest, ETH_ALEN);
	eth->h_proto = from->h_proto;
}

/* Destination unreachable, fragmentation needed and DF set (RFC 1191), from the VIP to the client. */
static __noinline int send_too_big4(struct xdp_md *ctx, __u32 mtu)
{
	struct cursor c;
	struct ethhdr *eth;
	struct iphdr *ip, *quoted;
	struct icmphdr *icmp;

	if (cut_to_quote(ctx, QUOTED_V4, sizeof(*ip) + sizeof(*icmp)))
		return XDP_ABORTED;
	c = cursor_of(ctx);
	if (!(eth = TAKE(&c, struct ethhdr)) || !(ip = TAKE(&c, struct iphdr)))
		return XDP_ABORTED;
	if (!(icmp = TAKE(&c, struct icmphdr)) || !(quoted = take(&c, QUOTED_V4)))
		return XDP_ABORTED;

	answer_ethernet(eth, (void *)eth + sizeof(*ip) + sizeof(*icmp));
	write_ipv4(ip, 0, sizeof(*ip) + sizeof(*icmp) + QUOTED_V4, IPPROTO_ICMP, quoted->daddr, quoted->saddr);
	icmp->type = ICMP_DEST_UNREACH;
	icmp->code = ICMP_FRAG_NEEDED;
	icmp->checksum = 0;
	icmp->un.frag.__unused = 0;
	icmp->un.frag.mtu = bpf_htons(mtu);
	icmp->checksum = ~sum_fold(sum_words(icmp, (sizeof(*icmp) + QUOTED_V4) / 2));
	return XDP_TX;
}

/* Packet too big (RFC 4443 section 3.2), from the VIP to the client. */
static __noinline int send_too_big6(struct xdp_md *ctx, __u32 mtu)
{
	const __u32 payload = sizeof(struct icmp6hdr) + QUOTED_V6;
	struct cursor c;
	struct ethhdr *eth;
	struct ipv6hdr *ip6, *quoted;
	struct icmp6hdr *icmp6;
	__u64 sum;

	if (cut_to_quote(ctx, QUOTED_V6, sizeof(*ip6) + sizeof(*icmp6)))
		return XDP_ABORTED;
	c = cursor_of(ctx);
	if (!(eth = TAKE(&c, struct ethhdr)) || !(ip6 = TAKE(&c, struct ipv6hdr)))
		return XDP_ABORTED;
	if (!(icmp6 = TAKE(&c, struct icmp6hdr)) || !(quoted = take(&c, QUOTED_V6)))
		return XDP_ABORTED;

	answer_ethernet(eth, (void *)eth + sizeof(*ip6) + sizeof(*icmp6));
	write_ipv6(ip6, 6u << 28, payload, IPPROTO_ICMPV6);
	__builtin_memcpy(&ip6->saddr, &quoted->daddr, sizeof(ip6->saddr));
	__builtin_memcpy(&ip6->daddr, &quoted->saddr, sizeof(ip6->daddr));
	icmp6->icmp6_type = ICMPV6_PKT_TOOBIG;
	icmp6->icmp6_code = 0;
	icmp6->icmp6_cksum = 0;
	icmp6->icmp6_mtu = bpf_htonl(mtu);
	/* The checksum covers a pseudo header: both addresses, the length, the protocol (RFC 8200 section 8.1). */
	sum = sum_words(&ip6->saddr, 2 * sizeof(struct addr) / 2);
	sum += bpf_htons(payload) + bpf_htons(IPPROTO_ICMPV6);
	sum += sum_words(icmp6, (sizeof(*icmp6) + QUOTED_V6) / 2);
	icmp6->icmp6_cksum = ~sum_fold(sum);
	return XDP_TX;
}

static __always_inline int send_too_big(struct xdp_md *ctx, const struct ip_info *ip, __u32 mtu)
{
	count(TOO_BIG);
	return ip->version == 4 ? send_too_big4(ctx, mtu) : send_too_big6(ctx, mtu);
}

/* Turns an echo request into its reply: addresses swapped, type changed, the checksum brought along. */
static __always_inline int answer_echo(struct ethhdr *eth, struct icmphdr *icmp, const struct ip_info *ip)
{
	void *l3 = eth + 1;
	__u8 type = icmp->type;
	__u8 reply = ip->version == 4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY;

	if (ip->version == 4) {
		struct iphdr *ip4 = l3;
		__u16 ttl_proto = *(__u16 *)&ip4->ttl;

		ip4->saddr = ip->dst.w[3];
		ip4->daddr = ip->src.w[3];
		ip4->ttl = OUTER_TTL;
		ip4->check = checksum_update(ip4->check, diff16(ttl_proto, *(__u16 *)&ip4->ttl));
	} else {
		struct ipv6hdr *ip6 = l3;

		__builtin_memcpy(&ip6->saddr, &ip->dst, sizeof(ip6->saddr));
		__builtin_memcpy(&ip6->daddr, &ip->src, sizeof(ip6->daddr));
		ip6->hop_limit = OUTER_TTL;
	}
	icmp->type = reply;
	icmp->checksum = checksum_update(icmp->checksum, diff16(type, reply));
	swap_macs(eth);
	count(ECHO_ANSWERED);
	return XDP_TX;
}

/*
 * The flow that an ICMP error is about. The error quotes what the real sent, from the VIP to the client, so source and
 * destination change places. -1 if the quotation does not say.
 */
static __always_inline int flow_of_quoted(struct cursor *c, __u8 version, struct flow *flow)
{
	struct ports *ports;

	if (version == 4) {
		struct iphdr *ip = take_ipv4(c);

		if (!ip || ip->frag_off & bpf_htons(IPV4_OFFSET))
			return -1;
		flow->client = addr_of_v4(ip->daddr);
		flow->vip = addr_of_v4(ip->saddr);
		flow->proto = ip->protocol;
	} else {
		struct ipv6hdr *ip6 = take_ipv6(c);

		if (!ip6)
			return -1;
		flow->client = addr_of_v6(&ip6->daddr);
		flow->vip = addr_of_v6(&ip6->saddr);
		flow->proto = ip6->nexthdr;
	}
	if (flow->proto != IPPROTO_TCP && flow->proto != IPPROTO_UDP)
		return -1;
	ports = TAKE(c, struct ports);
	if (!ports)
		return -1;
	flow->client_port = ports->dst;
	flow->vip_port = ports->src;
	return 0;
}

static __always_inline int is_echo(const struct icmphdr *icmp, __u8 version)
{
	return icmp->type == (version == 4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST);
}

static __always_inline int is_error(const struct icmphdr *icmp, __u8 version)
{
	if (version == 4)
		return icmp->type == ICMP_DEST_UNREACH || icmp->type == ICMP_TIME_EXCEEDED || icmp->type == ICMP_PARAMETERPROB;
	return !(icmp->type & ICMPV6_INFOMSG_MASK);
}

static __always_inline int is_icmp(const struct ip_info *ip)
{
	return ip->proto == (ip->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static __always_inline int drop(__u32 why)
{
	count(why);
	return XDP_DROP;
}

SEC("xdp")
int load_balancer(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	struct ethhdr *eth = TAKE(&c, struct ethhdr);
	struct vip_key key = {};
	struct flow flow = {};
	struct inner inner;
	struct ip_info ip;
	struct vip *vip;
	struct real *real;
	__u32 hash, real_index = 0, outer_len;
	int syn = 0;

	if (!eth)
		return XDP_PASS;
	switch (take_ip(&c, eth->h_proto, &ip)) {
	case IP_OK:
		break;
	case IP_OTHER:
		return XDP_PASS;
	case IP_MALFORMED:
		return drop(DROP_MALFORMED);
	}

	key.addr = ip.dst;
	if (!bpf_map_lookup_elem(&vips, &key))
		return XDP_PASS;
	/* A later fragment has no ports, so that fragments could go to different reals. */
	if (ip.fragment != NOT_FRAGMENTED)
		return drop(DROP_FRAGMENT);

	if (is_icmp(&ip)) {
		struct icmphdr *icmp = TAKE(&c, struct icmphdr);

		if (!icmp)
			return drop(DROP_MALFORMED);
		if (is_echo(icmp, ip.version))
			return answer_echo(eth, icmp, &ip);
		if (!is_error(icmp, ip.version))
			return XDP_PASS;
		if (flow_of_quoted(&c, ip.version, &flow))
			return drop(DROP_MALFORMED);
		count(ICMP_ERROR_FORWARDED);
	} else {
		struct ports *ports;

		if (ip.proto == IPPROTO_TCP) {
			struct tcphdr *tcp = TAKE(&c, struct tcphdr);

			if (!tcp || tcp->doff < 5)
				return drop(DROP_MALFORMED);
			ports = (struct ports *)tcp;
			syn = (tcp_flags(tcp) & (TCP_SYN | TCP_ACK)) == TCP_SYN;
			if (syn)
				count(TCP_SYN_SEEN);
		} else if (ip.proto == IPPROTO_UDP) {
			struct udphdr *udp = TAKE(&c, struct udphdr);

			if (!udp)
				return drop(DROP_MALFORMED);
			ports = (struct ports *)udp;
		} else {
			return drop(DROP_NO_SERVICE);
		}
		flow.client = ip.src;
		flow.vip = ip.dst;
		flow.client_port = ports->src;
		flow.vip_port = ports->dst;
		flow.proto = ip.proto;
	}

	key.addr = flow.vip;
	key.port = flow.vip_port;
	key.proto = flow.proto;
	vip = bpf_map_lookup_elem(&vips, &key);
	if (!vip)
		return drop(DROP_NO_SERVICE);

	hash = hash_flow(&flow, vip->flags);
	real = choose_real(&flow, vip, hash, syn, &real_index);
	if (!real)
		return drop(DROP_NO_REAL);

	outer_len = real->flags & REAL_IPV6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if (ip.len + outer_len > MAX_FRAME_DATA)
		return is_icmp(&ip) ? drop(TOO_BIG) : send_too_big(ctx, &ip, MAX_FRAME_DATA - outer_len);

	add_traffic(&vip_traffic, vip->number, ip.len);
	add_traffic(&real_traffic, real_index, ip.len);

	/* The type of service is copied outwards, so that congestion marks and priorities work in the tunnel. */
	inner.len = ip.len;
	if (ip.version == 4) {
		inner.proto = IPPROTO_IPIP;
		inner.tos = ((struct iphdr *)(eth + 1))->tos;
	} else {
		inner.proto = IPPROTO_IPV6;
		inner.tos = bpf_ntohl(*(__be32 *)(eth + 1)) >> 20;
	}
	if (real->flags & REAL_IPV6)
		return encapsulate6(ctx, real, hash, &inner);
	return encapsulate4(ctx, real, hash, &inner);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// SPDX-License-Identifier: MIT
/*
 * Network address and port translation for IPv4 (RFC 3022, RFC 4787, RFC 5508).
 *
 *  - Outwards (source in the inside network): the source address and port become one of the pool's addresses and a port
 *    that is free towards this remote end. The pair of entries `outbound` and `inbound` remembers the choice.
 *  - Inwards: a packet to a pool address is put back by its `inbound` entry; without one, a port forward (DNAT) may name
 *    an inside server, for which the same pair of entries is made.
 *  - ICMP echo is translated by its identifier in the place of a port. An ICMP error is translated together with the
 *    packet it quotes, so that the sender recognises it.
 *  - An entry that was idle for too long is as good as none; its port is taken over by the next who asks for it.
 *
 * The box has one leg: translated packets leave where they came from (XDP_TX), addressed to the inside or outside gateway.
 */
#include "../common/checksum.h"
#include "../common/hash.h"
#include "../common/parse.h"

#define MAX_SESSIONS 16384
#define MAX_POOL 16
#define PORT_FIRST 1024
#define PORT_COUNT (65536 - PORT_FIRST)
#define PORT_TRIES 16

struct session_key {
	__be32 local; /* outbound: the inside address; inbound: the pool address */
	__be32 remote;
	__be16 local_port;
	__be16 remote_port; /* 0 for ICMP echo, whose identifier is the local port */
	__u8 proto;
	__u8 pad[3];
};

struct session {
	__u64 last_seen; /* ns; of packets in the direction of this entry */
	__be32 addr; /* what the local address becomes */
	__be16 port; /* what the local port becomes */
	__u8 closing; /* TCP: a FIN or RST went by */
	__u8 pad;
};

struct forward_key {
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct forward {
	__be32 addr;
	__be16 port;
	__u16 pad;
};

enum counter {
	OUT_HIT,
	OUT_NEW,
	IN_HIT,
	IN_FORWARD_NEW,
	IN_UNKNOWN,
	ICMP_ERRORS_OUT,
	ICMP_ERRORS_IN,
	ICMP_ERROR_UNKNOWN,
	EXPIRED,
	PORT_TAKEN, /* a try at a port that another session holds */
	PORT_RECLAIMED,
	NO_FREE_PORT,
	MALFORMED,
	FRAGMENTS,
	OTHER_PROTOCOL,
	COUNTERS,
};

struct nat_config {
	__be32 inside_net;
	__be32 inside_mask;
	__u32 pool_size;
	__u8 inside_gateway[ETH_ALEN];
	__u8 outside_gateway[ETH_ALEN];
};

/* Set by the loader before the program is loaded. Inside is 10.0.0.0/8. */
const volatile struct nat_config config = {
	.inside_net = bpf_htonl(0x0a000000),
	.inside_mask = bpf_htonl(0xff000000),
	.pool_size = 2,
	.inside_gateway = { 0x02, 0, 0, 0, 0x0a, 0x01 },
	.outside_gateway = { 0x02, 0, 0, 0, 0x0b, 0x01 },
};

const volatile __u64 udp_timeout_ns = 120 * NSEC_PER_SEC;
const volatile __u64 tcp_timeout_ns = 7440 * NSEC_PER_SEC; /* RFC 5382: two hours and four minutes */
const volatile __u64 tcp_closing_timeout_ns = 240 * NSEC_PER_SEC;
const volatile __u64 icmp_timeout_ns = 60 * NSEC_PER_SEC;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_POOL);
	__type(key, __u32);
	__type(value, __be32);
} pool SEC(".maps");

/* The pool as a set, to tell packets for us from others. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_POOL);
	__type(key, __be32);
	__type(value, __u32);
} pool_members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct forward_key);
	__type(value, struct forward);
} forwards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_SESSIONS);
	__type(key, struct session_key);
	__type(value, struct session);
} outbound SEC(".maps"), inbound SEC(".maps");

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

/* A packet with everything that translation touches. */
struct packet {
	struct ethhdr *eth;
	struct iphdr *ip;
	__be16 *src_port; /* for ICMP echo the identifier, in both */
	__be16 *dst_port;
	__u16 *check; /* of the transport protocol */
	struct session_key key; /* as seen by the direction that is being looked at */
	__u8 tcp_flags;
};

static __always_inline int is_expired(const struct session *s, __u8 proto, __u64 now)
{
	__u64 limit = udp_timeout_ns;

	if (proto == IPPROTO_TCP)
		limit = s->closing ? tcp_closing_timeout_ns : tcp_timeout_ns;
	else if (proto == IPPROTO_ICMP)
		limit = icmp_timeout_ns;
	return now - s->last_seen > limit;
}

/* A live session, or NULL; marks it used. */
static __always_inline struct session *find(void *map, const struct session_key *key, __u8 flags, __u64 now)
{
	struct session *s = bpf_map_lookup_elem(map, key);

	if (!s)
		return NULL;
	if (is_expired(s, key->proto, now)) {
		count(EXPIRED);
		return NULL;
	}
	s->last_seen = now;
	if (flags & (TCP_FIN | TCP_RST))
		s->closing = 1;
	return s;
}

/*
 * What the checksum's complement grows by when an address changes: from bpf_csum_diff, where the other examples compute
 * it, as the helper is what most programs use.
 */
static __always_inline __u64 addr_diff(__be32 from, __be32 to)
{
	return bpf_csum_diff(&from, sizeof(from), &to, sizeof(to), 0);
}

/*
 * Brings a transport checksum along. A UDP checksum of 0 means that there is none and stays; one that comes out as 0 is
 * sent as 0xffff (RFC 768). ICMP's does not cover the addresses: the caller leaves their part out.
 */
static __always_inline void update_transport(__u16 *check, __u8 proto, __u64 diff)
{
	__u16 sum;

	if (proto == IPPROTO_UDP && !*check)
		return;
	sum = checksum_update(*check, diff);
	if (proto == IPPROTO_UDP && !sum)
		sum = 0xffff;
	*check = sum;
}

static __always_inline void set_mac(__u8 *to, const volatile __u8 *from)
{
	for (int i = 0; i < ETH_ALEN; i++)
		to[i] = from[i];
}

static __always_inline void send_towards(struct ethhdr *eth, const volatile __u8 *gateway)
{
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	set_mac(eth->h_dest, gateway);
}

/* Writes one address and one port of the packet, checksums included. */
static __always_inline void translate(struct packet *p, __be32 *addr, __be16 *port, __be32 new_addr, __be16 new_port)
{
	__u8 proto = p->key.proto;
	__u64 change = addr_diff(*addr, new_addr);
	__u64 transport = diff16(*port, new_port);

	if (proto != IPPROTO_ICMP)
		transport += change;
	p->ip->check = checksum_update(p->ip->check, change);
	update_transport(p->check, proto, transport);
	*addr = new_addr;
	*port = new_port;
}

struct new_session {
	struct session_key out; /* key of the outbound entry */
	__be32 addr; /* the pool address and the port that were chosen */
	__be16 port;
	__u16 pad;
	__u64 now;
	int found;
};

/* Takes the inbound key if nobody has it, or if the one who has it went idle. */
static __always_inline int claim(const struct session_key *in, const struct session *back, __u64 now)
{
	struct session *holder;

	if (!bpf_map_update_elem(&inbound, in, back, BPF_NOEXIST))
		return 1;
	holder = bpf_map_lookup_elem(&inbound, in);
	if (holder && is_expired(holder, in->proto, now)) {
		count(PORT_RECLAIMED);
		return !bpf_map_update_elem(&inbound, in, back, BPF_ANY);
	}
	count(PORT_TAKEN);
	return 0;
}

/* One try of the search for a port, called by bpf_loop: the port that the session's hash names, then the ones after. */
static long try_port(__u32 i, void *arg)
{
	struct new_session *n = arg;
	struct session back = { .last_seen = n->now, .addr = n->out.local, .port = n->out.local_port };
	struct session_key in = { .local = n->addr, .remote = n->out.remote, .remote_port = n->out.remote_port,
				  .proto = n->out.proto };
	__u32 want = bpf_ntohs(n->out.local_port);

	/* Keep the port that the host chose if it can be kept (RFC 4787, section 4.2.1: port preservation). */
	if (i > 0 || want < PORT_FIRST) {
		__u32 h = hash_step(hash_step(hash_step(0, n->out.local), n->out.remote), want << 16 | n->out.remote_port);

		want = PORT_FIRST + (hash_end(h) + i) % PORT_COUNT;
	}
	in.local_port = bpf_htons(want);
	if (!claim(&in, &back, n->now))
		return 0;
	n->port = in.local_port;
	n->found = 1;
	return 1;
}

/* A new session outwards; 0 and the chosen address and port in `s`, or -1 if no port was free. */
static __noinline int open_outbound(const struct session_key *out, struct session *s, __u64 now)
{
	struct new_session n = { .out = *out, .now = now };
	__u32 index = 0;
	__be32 *addr;

	/* All sessions of an inside host have one pool address (RFC 4787, section 4.1: paired). */
	if (config.pool_size)
		index = hash_end(hash_step(0, out->local)) % config.pool_size;
	addr = bpf_map_lookup_elem(&pool, &index);
	if (!addr || !*addr)
		return -1;
	n.addr = *addr;
	bpf_loop(PORT_TRIES, try_port, &n, 0);
	if (!n.found)
		return -1;
	*s = (struct session){ .last_seen = now, .addr = n.addr, .port = n.port };
	bpf_map_update_elem(&outbound, out, s, BPF_ANY);
	return 0;
}

static __always_inline int translate_outbound(struct packet *p, __u64 now)
{
	struct session *s = find(&outbound, &p->key, p->tcp_flags, now);
	struct session new = {};

	if (s) {
		new.addr = s->addr;
		new.port = s->port;
		count(OUT_HIT);
	} else {
		if (open_outbound(&p->key, &new, now))
			return verdict(NO_FREE_PORT, XDP_DROP);
		count(OUT_NEW);
	}
	translate(p, &p->ip->saddr, p->src_port, new.addr, new.port);
	send_towards(p->eth, config.outside_gateway);
	return XDP_TX;
}

/* The pair of entries for a connection from outside to a forwarded port. */
static __always_inline int open_forward(const struct session_key *in, struct session *to, __u64 now)
{
	struct forward_key key = { .port = in->local_port, .proto = in->proto };
	struct forward *f = bpf_map_lookup_elem(&forwards, &key);
	struct session_key out = *in;
	struct session back = { .last_seen = now, .addr = in->local, .port = in->local_port };

	if (!f)
		return -1;
	to->last_seen = now;
	to->addr = f->addr;
	to->port = f->port;
	out.local = f->addr;
	out.local_port = f->port;
	bpf_map_update_elem(&inbound, in, to, BPF_ANY);
	bpf_map_update_elem(&outbound, &out, &back, BPF_ANY);
	return 0;
}

static __always_inline int translate_inbound(struct packet *p, __u64 now)
{
	struct session *s = find(&inbound, &p->key, p->tcp_flags, now);
	struct session new = {};

	if (s) {
		new.addr = s->addr;
		new.port = s->port;
		count(IN_HIT);
	} else {
		if (open_forward(&p->key, &new, now))
			return verdict(IN_UNKNOWN, XDP_DROP);
		count(IN_FORWARD_NEW);
	}
	translate(p, &p->ip->daddr, p->dst_port, new.addr, new.port);
	send_towards(p->eth, config.inside_gateway);
	return XDP_TX;
}

/*
 * The checksum field in a quoted transport header, the ports of which are behind the cursor. NULL if the quotation ends
 * before it, as one of TCP often does, or if UDP goes without.
 */
static __always_inline __u16 *quoted_check(struct cursor *c, __u8 proto)
{
	__u16 *check;

	if (proto == IPPROTO_TCP) {
		if (!take(c, offsetof(struct tcphdr, check) - sizeof(struct ports)))
			return NULL;
		return TAKE(c, __u16);
	}
	if (!take(c, offsetof(struct udphdr, check) - sizeof(struct ports)))
		return NULL;
	check = TAKE(c, __u16);
	return check && *check ? check : NULL;
}

/*
 * An ICMP error. It quotes a packet that went the other way, so the quotation's source is the local end. Inwards that is
 * a pool address, which `inbound` knows; outwards an inside host, which `outbound` knows. Three places change: the outer
 * address, the quoted address and port with the checksums that cover them, and the ICMP checksum over all of the quotation.
 */
static __always_inline int translate_error(struct cursor *c, struct packet *p, struct icmphdr *icmp, int outwards, __u64 now)
{
	struct session_key key = {};
	struct iphdr *quoted = TAKE(c, struct iphdr);
	struct ports *ports;
	struct session *s;
	__be16 *port;
	__be32 *quoted_addr;
	__u64 addr_change, outer_change, port_change, quotation_change;
	__u16 *check, old_check;

	/* Quoted options are rare enough to do without. */
	if (!quoted || quoted->version != 4 || quoted->ihl != 5)
		return verdict(MALFORMED, XDP_DROP);
	ports = TAKE(c, struct ports);
	if (!ports || (quoted->protocol != IPPROTO_TCP && quoted->protocol != IPPROTO_UDP))
		return verdict(ICMP_ERROR_UNKNOWN, XDP_DROP);

	key.proto = quoted->protocol;
	if (outwards) {
		key.local = quoted->daddr;
		key.local_port = ports->dst;
		key.remote = quoted->saddr;
		key.remote_port = ports->src;
		quoted_addr = &quoted->daddr;
		port = &ports->dst;
		s = find(&outbound, &key, 0, now);
	} else {
		key.local = quoted->saddr;
		key.local_port = ports->src;
		key.remote = quoted->daddr;
		key.remote_port = ports->dst;
		quoted_addr = &quoted->saddr;
		port = &ports->src;
		s = find(&inbound, &key, 0, now);
	}
	if (!s)
		return verdict(ICMP_ERROR_UNKNOWN, XDP_DROP);

	addr_change = addr_diff(*quoted_addr, s->addr);
	port_change = diff16(*port, s->port);
	old_check = quoted->check;
	quoted->check = checksum_update(old_check, addr_change);
	quotation_change = addr_change + port_change + diff16(old_check, quoted->check);
	*quoted_addr = s->addr;
	*port = s->port;
	check = quoted_check(c, key.proto);
	if (check) {
		old_check = *check;
		update_transport(check, key.proto, addr_change + port_change);
		quotation_change += diff16(old_check, *check);
	}
	icmp->checksum = checksum_update(icmp->checksum, quotation_change);

	if (outwards) {
		outer_change = addr_diff(p->ip->saddr, s->addr);
		p->ip->saddr = s->addr;
		send_towards(p->eth, config.outside_gateway);
		count(ICMP_ERRORS_OUT);
	} else {
		outer_change = addr_diff(p->ip->daddr, s->addr);
		p->ip->daddr = s->addr;
		send_towards(p->eth, config.inside_gateway);
		count(ICMP_ERRORS_IN);
	}
	p->ip->check = checksum_update(p->ip->check, outer_change);
	return XDP_TX;
}

SEC("xdp")
int nat(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	__u64 now = bpf_ktime_get_ns();
	struct packet p = {};
	int outwards;

	p.eth = TAKE(&c, struct ethhdr);
	if (!p.eth || p.eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	p.ip = take_ipv4(&c);
	if (!p.ip)
		return verdict(MALFORMED, XDP_DROP);

	outwards = (p.ip->saddr & config.inside_mask) == config.inside_net;
	if (outwards) {
		/* Inside to inside is not ours. */
		if ((p.ip->daddr & config.inside_mask) == config.inside_net)
			return XDP_PASS;
	} else {
		__be32 dst = p.ip->daddr;

		if (!bpf_map_lookup_elem(&pool_members, &dst))
			return XDP_PASS;
	}
	/* Without its ports a fragment cannot be translated; with them but without the rest it should not be. */
	if (p.ip->frag_off & bpf_htons(IPV4_MF | IPV4_OFFSET))
		return verdict(FRAGMENTS, XDP_DROP);

	p.key.proto = p.ip->protocol;
	if (p.key.proto == IPPROTO_TCP) {
		struct tcphdr *tcp = TAKE(&c, struct tcphdr);

		if (!tcp || tcp->doff < 5)
			return verdict(MALFORMED, XDP_DROP);
		p.src_port = &tcp->source;
		p.dst_port = &tcp->dest;
		p.check = &tcp->check;
		p.tcp_flags = tcp_flags(tcp);
	} else if (p.key.proto == IPPROTO_UDP) {
		struct udphdr *udp = TAKE(&c, struct udphdr);

		if (!udp)
			return verdict(MALFORMED, XDP_DROP);
		p.src_port = &udp->source;
		p.dst_port = &udp->dest;
		p.check = &udp->check;
	} else if (p.key.proto == IPPROTO_ICMP) {
		struct icmphdr *icmp = TAKE(&c, struct icmphdr);

		if (!icmp)
			return verdict(MALFORMED, XDP_DROP);
		if (icmp->type == ICMP_DEST_UNREACH || icmp->type == ICMP_TIME_EXCEEDED || icmp->type == ICMP_PARAMETERPROB)
			return translate_error(&c, &p, icmp, outwards, now);
		/* Requests go out, replies come in; nothing inside answers to the pool addresses. */
		if (icmp->type != (outwards ? ICMP_ECHO : ICMP_ECHOREPLY))
			return verdict(OTHER_PROTOCOL, XDP_DROP);
		p.src_port = &icmp->un.echo.id;
		p.dst_port = &icmp->un.echo.id;
		p.check = &icmp->checksum;
	} else {
		return verdict(OTHER_PROTOCOL, XDP_DROP);
	}

	if (outwards) {
		p.key.local = p.ip->saddr;
		p.key.remote = p.ip->daddr;
		p.key.local_port = *p.src_port;
		p.key.remote_port = p.key.proto == IPPROTO_ICMP ? 0 : *p.dst_port;
		return translate_outbound(&p, now);
	}
	p.key.local = p.ip->daddr;
	p.key.remote = p.ip->saddr;
	p.key.local_port = *p.dst_port;
	p.key.remote_port = p.key.proto == IPPROTO_ICMP ? 0 : *p.src_port;
	return translate_inbound(&p, now);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

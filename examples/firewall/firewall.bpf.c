// SPDX-License-Identifier: MIT
/*
 * A stateful firewall for IPv4 and IPv6.
 *
 * Addresses belong to zones by their longest prefix (outside, inside, DMZ, ...). A packet that belongs to a known
 * connection follows the connection's state. Any other packet needs a rule, from its source's zone to its destination's
 * zone for its protocol and port, to open one. Nothing matches: the default policy.
 *
 *  - Connections are held in an LRU table under one key for both directions. TCP runs through a state machine (a table,
 *    see tcp_next); each state has its own idle timeout. UDP and ICMP echo are "new" until the answer comes.
 *  - An ICMP error is let through if the packet it quotes belongs to a known connection.
 *  - A fragment that has no transport header follows the verdict on the fragment that has.
 *  - Refused packets are sampled to a perf event array, headers included.
 */
#include "../common/parse.h"

#define MAX_CONNECTIONS 8192
#define SAMPLE_BYTES 64

struct zone_key {
	__u32 prefix_len;
	struct addr addr;
};

#define ANY_PORT 0

struct rule_key {
	__u8 from_zone;
	__u8 to_zone;
	__u8 proto;
	__u8 pad;
	__be16 port; /* destination port, or ANY_PORT; always ANY_PORT for ICMP */
	__u16 pad2;
};

enum rule_action {
	RULE_DENY,
	RULE_ALLOW,
	RULE_ALLOW_STATELESS, /* let through, no connection is opened */
};

struct rule {
	__u32 action;
	__u32 pad;
	__u64 hits;
};

/* Both directions have one key: the lower address (then port) is the first. */
struct connection_key {
	struct addr low;
	struct addr high;
	__be16 low_port;
	__be16 high_port;
	__u8 proto;
	__u8 pad[3];
};

/* TCP states as one in the middle sees them. UDP and ICMP use SYN_SENT for "no answer yet" and ESTABLISHED. */
enum state {
	NONE,
	SYN_SENT,
	SYN_RECEIVED,
	ESTABLISHED,
	FIN_WAIT, /* one side has closed */
	TIME_WAIT, /* both have */
	CLOSED, /* reset */
	STATES,
};

struct connection {
	__u64 last_seen; /* ns */
	__u64 packets[2]; /* from the opener, to it */
	__u64 bytes[2];
	__u8 state;
	__u8 opener_is_low;
	__u8 fin_seen; /* bit 0: by the opener, bit 1: by the other side */
	__u8 pad[5];
};

struct fragment_key {
	struct addr src;
	struct addr dst;
	__u32 id;
	__u32 proto;
};

struct fragment_verdict {
	__u64 seen; /* ns */
	__u32 allowed;
	__u32 pad;
};

enum reason {
	ALLOW_ESTABLISHED,
	ALLOW_NEW,
	ALLOW_RELATED,
	ALLOW_STATELESS,
	ALLOW_FRAGMENT,
	ALLOW_NOT_IP,
	ALLOW_NEIGHBOUR, /* neighbour discovery */
	ALLOW_DEFAULT,
	DENY_RULE,
	DENY_DEFAULT,
	DENY_MALFORMED,
	DENY_SPOOFED, /* source and destination in the same zone, or equal */
	DENY_TCP_STATE, /* no connection and not a SYN, or a flag that the state does not allow */
	DENY_FRAGMENT,
	DENY_UNRELATED, /* ICMP error about nothing known */
	EXPIRED, /* a connection was idle for too long; counted beside the verdict */
	REASONS,
};

/* The default policy, which the control plane may change while the program runs. */
__u32 default_allow = 0;
/* One refused packet in `sample_every` is sampled; 0 for none. */
__u32 sample_every = 8;

const volatile __u64 fragment_timeout_ns = 30 * NSEC_PER_SEC;

const volatile __u64 tcp_timeout_ns[STATES] = {
	[SYN_SENT] = 20 * NSEC_PER_SEC,
	[SYN_RECEIVED] = 20 * NSEC_PER_SEC,
	[ESTABLISHED] = 3600 * NSEC_PER_SEC,
	[FIN_WAIT] = 60 * NSEC_PER_SEC,
	[TIME_WAIT] = 30 * NSEC_PER_SEC,
	[CLOSED] = 5 * NSEC_PER_SEC,
};

const volatile __u64 other_timeout_ns[STATES] = {
	[SYN_SENT] = 30 * NSEC_PER_SEC,
	[ESTABLISHED] = 120 * NSEC_PER_SEC,
};

enum tcp_event {
	EV_SYN,
	EV_SYN_ACK,
	EV_ACK, /* anything else with ACK: data, keep-alive */
	EV_FIN,
	EV_RST,
	EVENTS,
};

#define REFUSE STATES

/*
 * The state after an event, by who sent it: row 0 is the opener, row 1 the other side. REFUSE: the state does not allow
 * it. The step from FIN_WAIT to TIME_WAIT needs to know who closed already and is made in code.
 */
static const __u8 tcp_next[2][STATES][EVENTS] = {
	{
		/*                 SYN           SYN_ACK  ACK           FIN        RST */
		[NONE] =         { SYN_SENT,     REFUSE,  REFUSE,       REFUSE,    REFUSE },
		[SYN_SENT] =     { SYN_SENT,     REFUSE,  REFUSE,       REFUSE,    CLOSED },
		[SYN_RECEIVED] = { SYN_SENT,     REFUSE,  ESTABLISHED,  FIN_WAIT,  CLOSED },
		[ESTABLISHED] =  { REFUSE,       REFUSE,  ESTABLISHED,  FIN_WAIT,  CLOSED },
		[FIN_WAIT] =     { REFUSE,       REFUSE,  FIN_WAIT,     FIN_WAIT,  CLOSED },
		[TIME_WAIT] =    { SYN_SENT,     REFUSE,  TIME_WAIT,    TIME_WAIT, CLOSED },
		[CLOSED] =       { SYN_SENT,     REFUSE,  REFUSE,       REFUSE,    CLOSED },
	},
	{
		[NONE] =         { REFUSE,       REFUSE,       REFUSE,      REFUSE,    REFUSE },
		[SYN_SENT] =     { SYN_RECEIVED, SYN_RECEIVED, REFUSE,      REFUSE,    CLOSED },
		[SYN_RECEIVED] = { SYN_RECEIVED, SYN_RECEIVED, REFUSE,      FIN_WAIT,  CLOSED },
		[ESTABLISHED] =  { REFUSE,       ESTABLISHED,  ESTABLISHED, FIN_WAIT,  CLOSED },
		[FIN_WAIT] =     { REFUSE,       REFUSE,       FIN_WAIT,    FIN_WAIT,  CLOSED },
		[TIME_WAIT] =    { REFUSE,       REFUSE,       TIME_WAIT,   TIME_WAIT, CLOSED },
		[CLOSED] =       { REFUSE,       REFUSE,       REFUSE,      REFUSE,    CLOSED },
	},
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct zone_key);
	__type(value, __u32);
} zones SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct rule_key);
	__type(value, struct rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_CONNECTIONS);
	__type(key, struct connection_key);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct fragment_key);
	__type(value, struct fragment_verdict);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASONS);
	__type(key, __u32);
	__type(value, __u64);
} reasons SEC(".maps");

struct sample {
	__u32 reason;
	__u32 packet_len;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} samples SEC(".maps");

static __always_inline __u64 count(__u32 reason)
{
	__u64 *value = bpf_map_lookup_elem(&reasons, &reason);

	return value ? ++*value : 0;
}

static __always_inline int allow(__u32 reason)
{
	count(reason);
	return XDP_PASS;
}

/* Refuses a packet; the head of one in `sample_every` goes to user space, if anyone there listens. */
static __noinline int deny(struct xdp_md *ctx, __u32 reason)
{
	__u64 n = count(reason);

	if (sample_every && n % sample_every == 0) {
		__u64 len = ctx->data_end - ctx->data;
		struct sample s = { .reason = reason, .packet_len = len };
		__u64 head = len < SAMPLE_BYTES ? len : SAMPLE_BYTES;

		bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU | head << 32, &s, sizeof(s));
	}
	return XDP_DROP;
}

static __always_inline int is_icmp(const struct ip_info *ip)
{
	return ip->proto == (ip->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* Zone 0 is where addresses are that no prefix names: outside. */
static __always_inline __u8 zone_of(const struct addr *addr)
{
	struct zone_key key = { 128, *addr };
	__u32 *zone = bpf_map_lookup_elem(&zones, &key);

	return zone ? *zone : 0;
}

/* Less than zero, zero, more than zero, word by word: any order will do as long as both directions agree on it. */
static __always_inline int addr_compare(const struct addr *a, const struct addr *b)
{
	for (int i = 0; i < 4; i++)
		if (a->w[i] != b->w[i])
			return a->w[i] < b->w[i] ? -1 : 1;
	return 0;
}

/* Sets the key; returns whether the source is its low end. */
static __always_inline int make_key(struct connection_key *key, const struct addr *src, const struct addr *dst,
				    struct ports ports, __u8 proto)
{
	int order = addr_compare(src, dst);
	int src_is_low = order < 0 || (order == 0 && ports.src <= ports.dst);

	__builtin_memset(key, 0, sizeof(*key));
	key->low = src_is_low ? *src : *dst;
	key->high = src_is_low ? *dst : *src;
	key->low_port = src_is_low ? ports.src : ports.dst;
	key->high_port = src_is_low ? ports.dst : ports.src;
	key->proto = proto;
	return src_is_low;
}

static __always_inline __u64 timeout_of(__u8 proto, __u8 state)
{
	if (state >= STATES)
		return 0;
	return proto == IPPROTO_TCP ? tcp_timeout_ns[state] : other_timeout_ns[state];
}

static __always_inline __u32 tcp_event_of(__u8 flags)
{
	if (flags & TCP_RST)
		return EV_RST;
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? EV_SYN_ACK : EV_SYN;
	return flags & TCP_FIN ? EV_FIN : EV_ACK;
}

/* Flag combinations that no stack sends: none, SYN with FIN or RST, FIN with RST, FIN without ACK. */
static __always_inline int tcp_flags_malformed(__u8 flags)
{
	if (!(flags & (TCP_SYN | TCP_ACK | TCP_RST)))
		return 1;
	if (flags & TCP_SYN)
		return flags & (TCP_FIN | TCP_RST);
	return (flags & (TCP_FIN | TCP_RST)) == (TCP_FIN | TCP_RST);
}

/*
 * What the packet is to the state machine. For TCP an event; UDP and ICMP echo count as ACK, so that one function
 * serves all: the first packet opens, an answer establishes.
 */
struct packet {
	struct ip_info ip;
	struct ports ports;
	__u32 event;
	__u32 dir; /* 0: from the opener of the connection */
};

/* The connection's state after the packet, REFUSE if it does not allow it. */
static __noinline __u32 advance(struct connection *c, __u32 proto, __u32 dir, __u32 event)
{
	__u32 state = c->state;
	__u32 next;

	if (proto != IPPROTO_TCP)
		return dir ? ESTABLISHED : state;
	if (dir > 1 || state >= STATES || event >= EVENTS)
		return REFUSE;
	next = tcp_next[dir][state][event];
	if (event == EV_FIN && next == FIN_WAIT) {
		c->fin_seen |= 1 << dir;
		if (c->fin_seen == 3)
			next = TIME_WAIT;
	}
	if (next == SYN_SENT)
		c->fin_seen = 0;
	return next;
}

/* Follows a known connection. XDP_PASS, XDP_DROP, or -1 if there is none (or it is over). */
static __always_inline int follow_connection(struct xdp_md *ctx, const struct connection_key *key, int src_is_low,
					     struct packet *p, __u64 now)
{
	struct connection *c = bpf_map_lookup_elem(&connections, key);
	__u32 dir, next;

	if (!c)
		return -1;
	if (now - c->last_seen > timeout_of(key->proto, c->state)) {
		count(EXPIRED);
		bpf_map_delete_elem(&connections, key);
		return -1;
	}
	dir = src_is_low != c->opener_is_low;
	/* A SYN on what is over opens a new connection, in whichever direction: that takes a rule again. */
	if (p->event == EV_SYN && key->proto == IPPROTO_TCP && (c->state == TIME_WAIT || c->state == CLOSED)) {
		bpf_map_delete_elem(&connections, key);
		return -1;
	}
	next = advance(c, key->proto, dir, p->event);
	if (next >= STATES)
		return deny(ctx, DENY_TCP_STATE);
	c->state = next;
	c->last_seen = now;
	__sync_fetch_and_add(&c->packets[dir], 1);
	__sync_fetch_and_add(&c->bytes[dir], p->ip.len);
	return allow(ALLOW_ESTABLISHED);
}

/* The rule for the port, else the one for the whole protocol. */
static __always_inline struct rule *find_rule(__u8 from, __u8 to, __u8 proto, __be16 port)
{
	struct rule_key key = { .from_zone = from, .to_zone = to, .proto = proto, .port = port };
	struct rule *rule = bpf_map_lookup_elem(&rules, &key);

	if (rule)
		return rule;
	key.port = ANY_PORT;
	return bpf_map_lookup_elem(&rules, &key);
}

static __always_inline int open_connection(struct xdp_md *ctx, const struct connection_key *key, int src_is_low,
					   const struct packet *p, __u64 now)
{
	struct connection c = {};
	__u8 from = zone_of(&p->ip.src);
	__u8 to = zone_of(&p->ip.dst);
	struct rule *rule;

	/* What stays inside a zone does not come by here, except from outside to outside: then we are a router for it. */
	if (from == to && from)
		return deny(ctx, DENY_SPOOFED);
	rule = find_rule(from, to, key->proto, is_icmp(&p->ip) ? ANY_PORT : p->ports.dst);
	if (!rule) {
		if (!default_allow)
			return deny(ctx, DENY_DEFAULT);
		return allow(ALLOW_DEFAULT);
	}
	__sync_fetch_and_add(&rule->hits, 1);
	switch (rule->action) {
	case RULE_ALLOW:
		break;
	case RULE_ALLOW_STATELESS:
		return allow(ALLOW_STATELESS);
	default:
		return deny(ctx, DENY_RULE);
	}
	if (key->proto == IPPROTO_TCP && p->event != EV_SYN)
		return deny(ctx, DENY_TCP_STATE);

	c.last_seen = now;
	c.packets[0] = 1;
	c.bytes[0] = p->ip.len;
	c.state = SYN_SENT;
	c.opener_is_low = src_is_low;
	bpf_map_update_elem(&connections, key, &c, BPF_ANY);
	return allow(ALLOW_NEW);
}

/* Whether the packet that an ICMP error quotes belongs to a live connection. */
static __always_inline int is_related(struct cursor *c, __u8 version, __u64 now)
{
	struct connection_key key;
	struct connection *connection;
	struct ports *ports;
	struct addr src, dst;
	__u8 proto;

	if (version == 4) {
		struct iphdr *ip = take_ipv4(c);

		if (!ip)
			return 0;
		src = addr_of_v4(ip->saddr);
		dst = addr_of_v4(ip->daddr);
		proto = ip->protocol;
	} else {
		struct ipv6hdr *ip6 = take_ipv6(c);

		if (!ip6)
			return 0;
		src = addr_of_v6(&ip6->saddr);
		dst = addr_of_v6(&ip6->daddr);
		proto = ip6->nexthdr;
	}
	ports = TAKE(c, struct ports);
	if (!ports || (proto != IPPROTO_TCP && proto != IPPROTO_UDP))
		return 0;
	make_key(&key, &src, &dst, *ports, proto);
	connection = bpf_map_lookup_elem(&connections, &key);
	return connection && now - connection->last_seen <= timeout_of(proto, connection->state);
}

enum transport {
	TRANSPORT_OK,
	TRANSPORT_MALFORMED,
	TRANSPORT_ICMP_ERROR,
	TRANSPORT_NEIGHBOUR,
};

/* Ports and event of the packet. Protocols without ports have port 0, ICMP echo has its identifier on both sides. */
static __always_inline enum transport take_transport(struct cursor *c, struct packet *p)
{
	p->event = EV_ACK;
	p->ports = (struct ports){};

	if (p->ip.proto == IPPROTO_TCP) {
		struct tcphdr *tcp = TAKE(c, struct tcphdr);

		if (!tcp || tcp->doff < 5 || tcp_flags_malformed(tcp_flags(tcp)))
			return TRANSPORT_MALFORMED;
		p->ports = *(struct ports *)tcp;
		p->event = tcp_event_of(tcp_flags(tcp));
	} else if (p->ip.proto == IPPROTO_UDP) {
		struct udphdr *udp = TAKE(c, struct udphdr);

		if (!udp || bpf_ntohs(udp->len) < sizeof(*udp) || !udp->dest)
			return TRANSPORT_MALFORMED;
		p->ports = *(struct ports *)udp;
	} else if (is_icmp(&p->ip)) {
		struct icmphdr *icmp = TAKE(c, struct icmphdr);
		__u8 type;

		if (!icmp)
			return TRANSPORT_MALFORMED;
		type = icmp->type;
		if (p->ip.version == 4) {
			if (type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB)
				return TRANSPORT_ICMP_ERROR;
			if (type != ICMP_ECHO && type != ICMP_ECHOREPLY)
				return TRANSPORT_MALFORMED;
		} else {
			if (!(type & ICMPV6_INFOMSG_MASK))
				return TRANSPORT_ICMP_ERROR;
			if (type >= 133 && type <= 137)
				return TRANSPORT_NEIGHBOUR;
			if (type != ICMPV6_ECHO_REQUEST && type != ICMPV6_ECHO_REPLY)
				return TRANSPORT_MALFORMED;
		}
		p->ports.src = icmp->un.echo.id;
		p->ports.dst = icmp->un.echo.id;
	}
	return TRANSPORT_OK;
}

static __always_inline void fragment_key_of(const struct ip_info *ip, struct fragment_key *key)
{
	key->src = ip->src;
	key->dst = ip->dst;
	key->id = ip->id;
	key->proto = ip->proto;
}

static __always_inline int later_fragment(struct xdp_md *ctx, const struct ip_info *ip, __u64 now)
{
	struct fragment_key key;
	struct fragment_verdict *v;

	fragment_key_of(ip, &key);
	v = bpf_map_lookup_elem(&fragments, &key);
	if (v && v->allowed && now - v->seen <= fragment_timeout_ns)
		return allow(ALLOW_FRAGMENT);
	return deny(ctx, DENY_FRAGMENT);
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	__u64 now = bpf_ktime_get_ns();
	struct connection_key key;
	struct packet p;
	__be16 proto;
	int src_is_low, action;

	if (!take_ethernet(&c, &proto))
		return deny(ctx, DENY_MALFORMED);
	switch (take_ip(&c, proto, &p.ip)) {
	case IP_OK:
		break;
	case IP_OTHER:
		return allow(ALLOW_NOT_IP);
	case IP_MALFORMED:
		return deny(ctx, DENY_MALFORMED);
	}
	if (addr_equal(&p.ip.src, &p.ip.dst))
		return deny(ctx, DENY_SPOOFED);
	if (p.ip.fragment == LATER_FRAGMENT)
		return later_fragment(ctx, &p.ip, now);

	switch (take_transport(&c, &p)) {
	case TRANSPORT_OK:
		break;
	case TRANSPORT_MALFORMED:
		return deny(ctx, DENY_MALFORMED);
	case TRANSPORT_ICMP_ERROR:
		return is_related(&c, p.ip.version, now) ? allow(ALLOW_RELATED) : deny(ctx, DENY_UNRELATED);
	case TRANSPORT_NEIGHBOUR:
		return allow(ALLOW_NEIGHBOUR);
	}

	src_is_low = make_key(&key, &p.ip.src, &p.ip.dst, p.ports, p.ip.proto);
	action = follow_connection(ctx, &key, src_is_low, &p, now);
	if (action < 0)
		action = open_connection(ctx, &key, src_is_low, &p, now);

	if (p.ip.fragment == FIRST_FRAGMENT) {
		struct fragment_verdict v = { .seen = now, .allowed = action == XDP_PASS };
		struct fragment_key fragment;

		fragment_key_of(&p.ip, &fragment);
		bpf_map_update_elem(&fragments, &fragment, &v, BPF_ANY);
	}
	return action;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

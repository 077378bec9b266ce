// SPDX-License-Identifier: MIT
/*
 * TCP connection tracking for IPv4: a packet passes if the state of its connection allows it.
 *
 *  - One entry serves both directions: the key has the lower end first. An end is an address and a port together, so that
 *    connections of a host with itself have a key of their own as well.
 *  - Ten states, moved by a table of what the packet is (SYN, SYN and ACK, ACK, FIN, RST) and which side sent it. Sides are
 *    told from who opened the connection, and once someone has closed it from who did so first.
 *  - During the handshake, acknowledgements must be for the number that the other side has sent.
 *  - Each state lasts as long as Linux's own tracker lets it by default (nf_conntrack_tcp_timeout_*, in
 *    Documentation/networking/nf_conntrack-sysctl.rst). An entry beyond its time is as good as none.
 *
 * Nothing is locked: packets of one connection have to come to one CPU, or every CPU has to have a copy of the table.
 */
#include "../common/parse.h"

#define MAX_CONNECTIONS 65536

enum state {
	NONE,
	SYN_SENT,
	SYN_SENT_BOTH, /* both ends open the same connection at once (RFC 9293, figure 7) */
	SYN_RECEIVED,
	ESTABLISHED,
	FIN_WAIT, /* one side has closed */
	CLOSE_WAIT, /* ... and the other has acknowledged that */
	LAST_ACK, /* both have closed */
	TIME_WAIT,
	CLOSED, /* by a reset */
	STATES,
};

enum event {
	EV_SYN,
	EV_SYN_ACK,
	EV_ACK, /* anything else with ACK: data, keep-alive */
	EV_FIN,
	EV_RST,
	EVENTS,
};

#define REFUSE STATES

/* The state after an event, by who sent it: row 0 is the opener, from FIN_WAIT on the one who closed first. */
static const __u8 next_state[2][STATES][EVENTS] = {
	{
		/*                  SYN           SYN_ACK        ACK          FIN         RST */
		[NONE] =          { SYN_SENT,     REFUSE,        REFUSE,      REFUSE,     REFUSE },
		[SYN_SENT] =      { SYN_SENT,     REFUSE,        REFUSE,      REFUSE,     CLOSED },
		[SYN_SENT_BOTH] = { SYN_SENT_BOTH, SYN_SENT_BOTH, REFUSE,     REFUSE,     CLOSED },
		[SYN_RECEIVED] =  { SYN_RECEIVED, SYN_RECEIVED,  ESTABLISHED, FIN_WAIT,   CLOSED },
		[ESTABLISHED] =   { REFUSE,       REFUSE,        ESTABLISHED, FIN_WAIT,   CLOSED },
		[FIN_WAIT] =      { REFUSE,       REFUSE,        FIN_WAIT,    FIN_WAIT,   CLOSED },
		[CLOSE_WAIT] =    { REFUSE,       REFUSE,        CLOSE_WAIT,  CLOSE_WAIT, CLOSED },
		[LAST_ACK] =      { REFUSE,       REFUSE,        TIME_WAIT,   LAST_ACK,   CLOSED },
		[TIME_WAIT] =     { SYN_SENT,     REFUSE,        TIME_WAIT,   TIME_WAIT,  CLOSED },
		[CLOSED] =        { SYN_SENT,     REFUSE,        REFUSE,      REFUSE,     CLOSED },
	},
	{
		[NONE] =          { REFUSE,       REFUSE,        REFUSE,       REFUSE,    REFUSE },
		[SYN_SENT] =      { SYN_SENT_BOTH, SYN_RECEIVED, REFUSE,       REFUSE,    CLOSED },
		[SYN_SENT_BOTH] = { SYN_SENT_BOTH, SYN_RECEIVED, REFUSE,       REFUSE,    CLOSED },
		[SYN_RECEIVED] =  { REFUSE,       SYN_RECEIVED,  SYN_RECEIVED, FIN_WAIT,  CLOSED },
		[ESTABLISHED] =   { REFUSE,       ESTABLISHED,   ESTABLISHED,  FIN_WAIT,  CLOSED },
		[FIN_WAIT] =      { REFUSE,       REFUSE,        CLOSE_WAIT,   LAST_ACK,  CLOSED },
		[CLOSE_WAIT] =    { REFUSE,       REFUSE,        CLOSE_WAIT,   LAST_ACK,  CLOSED },
		[LAST_ACK] =      { REFUSE,       REFUSE,        LAST_ACK,     LAST_ACK,  CLOSED },
		[TIME_WAIT] =     { SYN_SENT,     REFUSE,        TIME_WAIT,    TIME_WAIT, CLOSED },
		[CLOSED] =        { SYN_SENT,     REFUSE,        REFUSE,       REFUSE,    CLOSED },
	},
};

const volatile __u64 timeout_ns[STATES] = {
	[SYN_SENT] = 120 * NSEC_PER_SEC,
	[SYN_SENT_BOTH] = 120 * NSEC_PER_SEC,
	[SYN_RECEIVED] = 60 * NSEC_PER_SEC,
	[ESTABLISHED] = 432000 * NSEC_PER_SEC, /* five days */
	[FIN_WAIT] = 120 * NSEC_PER_SEC,
	[CLOSE_WAIT] = 60 * NSEC_PER_SEC,
	[LAST_ACK] = 30 * NSEC_PER_SEC,
	[TIME_WAIT] = 120 * NSEC_PER_SEC,
	[CLOSED] = 10 * NSEC_PER_SEC,
};

struct connection_key {
	__be32 low;
	__be32 high;
	__be16 low_port;
	__be16 high_port;
	__u8 proto;
} __attribute__((packed));

struct connection {
	__u64 expires; /* ns */
	__u32 acknowledges; /* during the handshake: the number that the next acknowledgement has to have */
	__u8 state;
	__u8 first_is_low; /* whether the lower end opened the connection, from FIN_WAIT on whether it closed first */
	__u16 pad;
};

enum counter {
	PASSED,
	OPENED,
	REFUSED_STATE, /* the state does not allow it, or there is no connection */
	REFUSED_ACK, /* a handshake acknowledges what was not sent */
	TABLE_FULL,
	MALFORMED,
	FRAGMENTS,
	NOT_TRACKED, /* no TCP over IPv4: passes */
	EXPIRED, /* counted beside the verdict */
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CONNECTIONS);
	__type(key, struct connection_key);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		++*value;
}

static __always_inline int refuse(__u32 counter)
{
	count(counter);
	return XDP_DROP;
}

static __always_inline int pass(__u32 counter)
{
	count(counter);
	return XDP_PASS;
}

/* Sets the key; returns whether the source is the lower end. Any order will do that both directions agree on. */
static __always_inline int make_key(struct connection_key *key, const struct iphdr *ip, struct ports ports)
{
	int src_is_low = ip->saddr < ip->daddr || (ip->saddr == ip->daddr && ports.src <= ports.dst);

	key->low = src_is_low ? ip->saddr : ip->daddr;
	key->high = src_is_low ? ip->daddr : ip->saddr;
	key->low_port = src_is_low ? ports.src : ports.dst;
	key->high_port = src_is_low ? ports.dst : ports.src;
	key->proto = IPPROTO_TCP;
	return src_is_low;
}

/* Flag combinations that no stack sends: none of these four, SYN with FIN or RST, FIN with RST, FIN without ACK. */
static __always_inline int is_malformed(__u8 flags)
{
	if (!(flags & (TCP_SYN | TCP_ACK | TCP_RST)))
		return 1;
	if (flags & TCP_SYN)
		return flags & (TCP_FIN | TCP_RST);
	return (flags & (TCP_FIN | TCP_RST)) == (TCP_FIN | TCP_RST);
}

static __always_inline __u32 event_of(__u8 flags)
{
	if (flags & TCP_RST)
		return EV_RST;
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? EV_SYN_ACK : EV_SYN;
	return flags & TCP_FIN ? EV_FIN : EV_ACK;
}

static __always_inline int open_connection(const struct connection_key *key, int src_is_low, __u32 seq, __u64 now)
{
	struct connection new = {
		.expires = now + timeout_ns[SYN_SENT],
		.acknowledges = seq + 1,
		.state = SYN_SENT,
		.first_is_low = src_is_low,
	};

	if (bpf_map_update_elem(&connections, key, &new, BPF_ANY))
		return refuse(TABLE_FULL);
	return pass(OPENED);
}

/* What a packet says to a connection that there is. */
static __always_inline int follow_connection(struct connection *c, int src_is_low, __u32 event, __u32 seq, __u32 ack,
					     __u64 now)
{
	__u32 side = src_is_low != c->first_is_low;
	__u32 state = c->state;
	__u32 next;

	if (state >= STATES)
		return refuse(REFUSED_STATE);
	next = next_state[side][state][event];
	if (next >= STATES)
		return refuse(REFUSED_STATE);

	if (state == SYN_SENT ? event == EV_SYN_ACK
			      : state == SYN_RECEIVED && side == 0 && (event == EV_ACK || event == EV_FIN)) {
		if (ack != c->acknowledges)
			return refuse(REFUSED_ACK);
	}
	/* A SYN on what is over opens a new connection, whoever sends it. */
	if (next == SYN_SENT || (next == FIN_WAIT && state != FIN_WAIT))
		c->first_is_low = src_is_low;
	if (next == SYN_SENT || (next == SYN_RECEIVED && side == 1 && event == EV_SYN_ACK))
		c->acknowledges = seq + 1;
	c->state = next;
	c->expires = now + timeout_ns[next];
	return pass(PASSED);
}

SEC("xdp")
int tcp_conntrack(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	__u64 now = bpf_ktime_get_ns();
	struct connection_key key;
	struct connection *connection;
	struct tcphdr *tcp;
	struct iphdr *ip;
	__u32 event, seq;
	int src_is_low;
	__be16 proto;

	if (!take_ethernet(&c, &proto))
		return refuse(MALFORMED);
	if (proto != bpf_htons(ETH_P_IP))
		return pass(NOT_TRACKED);
	ip = take_ipv4(&c);
	if (!ip)
		return refuse(MALFORMED);
	if (ip->protocol != IPPROTO_TCP)
		return pass(NOT_TRACKED);
	if (ip->frag_off & bpf_htons(IPV4_OFFSET | IPV4_MF))
		return refuse(FRAGMENTS);
	tcp = TAKE(&c, struct tcphdr);
	if (!tcp || tcp->doff < 5 || is_malformed(tcp_flags(tcp)))
		return refuse(MALFORMED);

	src_is_low = make_key(&key, ip, *(struct ports *)tcp);
	event = event_of(tcp_flags(tcp));
	seq = bpf_ntohl(tcp->seq);
	connection = bpf_map_lookup_elem(&connections, &key);
	if (connection && now > connection->expires) {
		count(EXPIRED);
		bpf_map_delete_elem(&connections, &key);
		connection = NULL;
	}
	if (connection)
		return follow_connection(connection, src_is_low, event, seq, bpf_ntohl(tcp->ack_seq), now);
	if (event == EV_SYN)
		return open_connection(&key, src_is_low, seq, now);
	return refuse(REFUSED_STATE);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// SPDX-License-Identifier: MIT
/*
 * Keeps a port shut until its visitor has knocked.
 *
 * A source that sends to the ports of `sequence` in their order, each within `step_timeout_ns` of the one before, may
 * then connect to the protected ports for `open_for_ns`; traffic keeps them open. A wrong knock starts the sequence over,
 * and `max_failures` of them ban the source for a while.
 *
 * Four programs share the work. The entry parses, leaves what it found in the packet's metadata and calls on by the kind
 * of packet through a PROG_ARRAY: `knock` (a port in the knocking range), `gate` (a protected port). `gate` calls `refuse`
 * when it answers a shut TCP port with a reset instead of silence, which `gate_policy` may ask for.
 */
#include "../common/checksum.h"
#include "../common/parse.h"

#define SEQUENCE_LEN 4
#define MAX_FAILURES 5

struct knocker {
	__u64 last; /* ns: time of the last correct knock */
	__u64 banned_until; /* ns */
	__u32 stage; /* correct knocks so far */
	__u32 failures;
};

struct visit {
	__u64 until; /* ns */
	__u64 packets;
};

enum gate_kind {
	GATE_SILENT, /* a shut port drops */
	GATE_RESET, /* a shut port answers with a reset */
};

struct knock {
	__u16 port;
	__u8 proto;
	__u8 pad;
};

enum counter {
	OTHER_TRAFFIC,
	KNOCK_RIGHT,
	KNOCK_WRONG,
	KNOCK_LATE,
	KNOCK_BANNED,
	OPENED,
	GATE_PASSED,
	GATE_EXPIRED,
	GATE_SHUT,
	GATE_REFUSED, /* with a reset */
	MALFORMED,
	NO_METADATA,
	COUNTERS,
};

enum stage {
	STAGE_KNOCK,
	STAGE_GATE,
	STAGE_REFUSE,
	STAGES,
};

/* Set by the loader before the program is loaded. */
const volatile struct knock sequence[SEQUENCE_LEN] = {
	{ .port = 7000, .proto = IPPROTO_UDP },
	{ .port = 8000, .proto = IPPROTO_TCP },
	{ .port = 9000, .proto = IPPROTO_UDP },
	{ .port = 7777, .proto = IPPROTO_TCP },
};
const volatile __u16 knock_first = 7000; /* ports of the knocking range: a packet to one of them is a knock */
const volatile __u16 knock_last = 9999;
const volatile __u64 step_timeout_ns = 5 * NSEC_PER_SEC;
const volatile __u64 open_for_ns = 30 * NSEC_PER_SEC;
const volatile __u64 ban_ns = 60 * NSEC_PER_SEC;

/* What one stage tells the next, in front of the packet. Its size is a multiple of 4, as the kernel wants. */
struct meta {
	struct addr source;
	__u16 port; /* destination, host order */
	__u8 proto;
	__u8 version;
	__u16 l4_offset; /* of the transport header from the start of the packet */
	__u16 gate;
	__u64 now;
} __attribute__((packed, aligned(4)));

_Static_assert(sizeof(struct meta) % 4 == 0 && sizeof(struct meta) <= 32, "bpf_xdp_adjust_meta takes no other size");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct addr);
	__type(value, struct knocker);
} knockers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct addr);
	__type(value, struct visit);
} visits SEC(".maps");

/* Protected TCP ports, in host order -> enum gate_kind. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u16);
	__type(value, __u32);
} gates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

int knock(struct xdp_md *ctx);
int gate(struct xdp_md *ctx);
int refuse(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, STAGES);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} stages SEC(".maps") = {
	.values = {
		[STAGE_KNOCK] = (void *)&knock,
		[STAGE_GATE] = (void *)&gate,
		[STAGE_REFUSE] = (void *)&refuse,
	},
};

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

/* The metadata that an earlier stage left, or NULL. */
static __always_inline struct meta *meta_of(struct xdp_md *ctx)
{
	struct meta *meta = (void *)(long)ctx->data_meta;

	return (void *)(meta + 1) > (void *)(long)ctx->data ? NULL : meta;
}

/* The stack has no use for the metadata. */
static __always_inline void drop_meta(struct xdp_md *ctx)
{
	bpf_xdp_adjust_meta(ctx, sizeof(struct meta));
}

SEC("xdp")
int port_knocking(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	void *start = c.pos;
	struct meta *meta;
	struct ip_info ip;
	struct ports *ports;
	__u32 *gate_kind, stage, offset, kind = 0;
	__u16 port;
	__be16 proto;

	if (!take_ethernet(&c, &proto))
		return verdict(MALFORMED, XDP_DROP);
	switch (take_ip(&c, proto, &ip)) {
	case IP_OK:
		break;
	case IP_OTHER:
		return verdict(OTHER_TRAFFIC, XDP_PASS);
	case IP_MALFORMED:
		return verdict(MALFORMED, XDP_DROP);
	}
	/* Behind a first fragment without its ports nothing comes together: later fragments may pass. */
	if (ip.fragment == LATER_FRAGMENT || (ip.proto != IPPROTO_TCP && ip.proto != IPPROTO_UDP))
		return verdict(OTHER_TRAFFIC, XDP_PASS);
	offset = c.pos - start;
	ports = TAKE(&c, struct ports);
	if (!ports)
		return verdict(MALFORMED, XDP_DROP);
	port = bpf_ntohs(ports->dst);

	gate_kind = ip.proto == IPPROTO_TCP ? bpf_map_lookup_elem(&gates, &port) : NULL;
	if (gate_kind) {
		kind = *gate_kind;
		stage = STAGE_GATE;
	} else if (port >= knock_first && port <= knock_last) {
		stage = STAGE_KNOCK;
	} else {
		return verdict(OTHER_TRAFFIC, XDP_PASS);
	}

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return verdict(NO_METADATA, XDP_DROP);
	meta = meta_of(ctx);
	if (!meta)
		return verdict(NO_METADATA, XDP_DROP);
	meta->source = ip.src;
	meta->port = port;
	meta->proto = ip.proto;
	meta->version = ip.version;
	meta->l4_offset = offset;
	meta->gate = kind;
	meta->now = bpf_ktime_get_ns();
	bpf_tail_call(ctx, &stages, stage);
	return verdict(NO_METADATA, XDP_DROP);
}

/*
 * Takes one knock. Returns the counter that says what it was; OPENED when it completed the sequence. A global function:
 * the verifier looks at it once, for any state that a knocker can be in.
 */
__noinline int take_knock(struct knocker *k, __u32 port, __u32 proto, __u64 now)
{
	__u32 stage;
	int late;

	if (!k)
		return MALFORMED;
	if (now < k->banned_until)
		return KNOCK_BANNED;
	stage = k->stage;
	late = stage > 0 && now - k->last > step_timeout_ns;
	if (late || stage >= SEQUENCE_LEN)
		stage = 0;

	if (sequence[stage].port == port && sequence[stage].proto == proto) {
		k->last = now;
		k->stage = ++stage;
		if (stage < SEQUENCE_LEN)
			return late ? KNOCK_LATE : KNOCK_RIGHT;
		k->stage = 0;
		k->failures = 0;
		return OPENED;
	}
	/* A wrong knock that is the first of the sequence begins it again. */
	k->stage = sequence[0].port == port && sequence[0].proto == proto;
	k->last = now;
	if (late)
		return KNOCK_LATE;
	if (++k->failures >= MAX_FAILURES) {
		k->failures = 0;
		k->stage = 0;
		k->banned_until = now + ban_ns;
	}
	return KNOCK_WRONG;
}

/* A knock is never answered, so that nobody sees which ports listen. */
SEC("xdp")
int knock(struct xdp_md *ctx)
{
	struct meta *meta = meta_of(ctx);
	struct knocker fresh = {};
	struct knocker *k;
	struct addr source;
	int what;

	if (!meta)
		return verdict(NO_METADATA, XDP_DROP);
	source = meta->source;
	k = bpf_map_lookup_elem(&knockers, &source);
	if (!k) {
		bpf_map_update_elem(&knockers, &source, &fresh, BPF_NOEXIST);
		k = bpf_map_lookup_elem(&knockers, &source);
	}
	what = take_knock(k, meta->port, meta->proto, meta->now);
	count(what);
	if (what == OPENED) {
		struct visit v = { .until = meta->now + open_for_ns };

		bpf_map_update_elem(&visits, &source, &v, BPF_ANY);
	}
	return XDP_DROP;
}

SEC("xdp")
int gate(struct xdp_md *ctx)
{
	struct meta *meta = meta_of(ctx);
	struct addr source;
	struct visit *v;

	if (!meta)
		return verdict(NO_METADATA, XDP_DROP);
	source = meta->source;
	v = bpf_map_lookup_elem(&visits, &source);
	if (v && meta->now < v->until) {
		v->until = meta->now + open_for_ns;
		__sync_fetch_and_add(&v->packets, 1);
		drop_meta(ctx);
		return verdict(GATE_PASSED, XDP_PASS);
	}
	if (v) {
		bpf_map_delete_elem(&visits, &source);
		count(GATE_EXPIRED);
	}
	if (meta->gate == GATE_RESET)
		bpf_tail_call(ctx, &stages, STAGE_REFUSE);
	return verdict(GATE_SHUT, XDP_DROP);
}

/* Answers a SYN with a reset (RFC 9293 section 3.10.7.1), as if nobody listened. IPv4 and IPv6 without options or tags. */
SEC("xdp")
int refuse(struct xdp_md *ctx)
{
	struct meta *meta = meta_of(ctx);
	struct cursor c = cursor_of(ctx);
	struct ethhdr *eth;
	struct tcphdr *tcp;
	struct ports ports;
	__u64 addresses;
	__u32 len = c.end - c.pos, want, l3_len;
	__be32 ack;
	__u8 version;

	if (!meta)
		return verdict(NO_METADATA, XDP_DROP);
	version = meta->version;
	l3_len = version == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	want = sizeof(*eth) + l3_len + sizeof(*tcp);
	if (meta->l4_offset != sizeof(*eth) + l3_len || len < want)
		return verdict(GATE_SHUT, XDP_DROP);

	/* Metadata and what follows the TCP header go. */
	drop_meta(ctx);
	if (bpf_xdp_adjust_tail(ctx, -(int)(len - want)))
		return XDP_ABORTED;
	c = cursor_of(ctx);
	eth = TAKE(&c, struct ethhdr);
	if (!eth)
		return XDP_ABORTED;

	if (version == 4) {
		struct iphdr *ip = TAKE(&c, struct iphdr);
		__be32 to;

		if (!ip)
			return XDP_ABORTED;
		tcp = TAKE(&c, struct tcphdr);
		if (!tcp || !tcp->syn || tcp->ack)
			return verdict(GATE_SHUT, XDP_DROP);
		to = ip->saddr;
		ip->saddr = ip->daddr;
		ip->daddr = to;
		ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp));
		ip->ttl = 64;
		ip->check = 0;
		ip->check = ~sum_fold(sum_words(ip, sizeof(*ip) / 2));
		addresses = sum_words(&ip->saddr, 4);
	} else {
		struct ipv6hdr *ip6 = TAKE(&c, struct ipv6hdr);
		struct in6_addr to;

		if (!ip6)
			return XDP_ABORTED;
		tcp = TAKE(&c, struct tcphdr);
		if (!tcp || !tcp->syn || tcp->ack)
			return verdict(GATE_SHUT, XDP_DROP);
		to = ip6->saddr;
		ip6->saddr = ip6->daddr;
		ip6->daddr = to;
		ip6->payload_len = bpf_htons(sizeof(*tcp));
		ip6->hop_limit = 64;
		addresses = sum_words(&ip6->saddr, sizeof(struct addr));
	}

	swap_macs(eth);
	ports = *(struct ports *)tcp;
	ack = bpf_htonl(bpf_ntohl(tcp->seq) + 1);
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = ports.dst;
	tcp->dest = ports.src;
	tcp->ack_seq = ack;
	((__u8 *)tcp)[12] = sizeof(*tcp) / 4 << 4;
	((__u8 *)tcp)[13] = TCP_RST | TCP_ACK;
	addresses += bpf_htons(sizeof(*tcp)) + bpf_htons(IPPROTO_TCP);
	tcp->check = ~sum_fold(addresses + sum_words(tcp, sizeof(*tcp) / 2));
	return verdict(GATE_REFUSED, XDP_TX);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

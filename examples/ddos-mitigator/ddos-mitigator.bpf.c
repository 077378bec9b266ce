// SPDX-License-Identifier: MIT
/*
 * Keeps floods away from a server. The stages, cheapest first:
 *
 *  1. malformed packets: headers that contradict themselves, impossible TCP flags, land attack;
 *  2. allow list and block list, by prefix, with an optional expiry;
 *  3. fragments, which floods like and services do without;
 *  4. UDP: answers from ports that reflectors are known for (DNS, NTP, SSDP, memcached, ...), then a rate for each source;
 *  5. ICMP: a rate for each source;
 *  6. TCP: a source may send so many SYNs a second. Beyond that it must show that it exists: its SYNs are answered with a
 *     SYN cookie, and a source that returns one is verified; its connection attempt is reset and the next gets through.
 *     While a destination is under attack (`challenge_all`), every unverified source is challenged from its first SYN on.
 *
 * Each reason has a per-CPU counter. Of the dropped packets one in `sample_every` goes to a ring buffer.
 */
#include "../common/checksum.h"
#include "../common/hash.h"
#include "../common/parse.h"

#define SAMPLE_BYTES 64

enum reason {
	PASSED,
	PASSED_ALLOW_LIST,
	PASSED_NOT_IP,
	CHALLENGED, /* answered with a cookie */
	VERIFIED, /* returned one */
	DROP_BLOCK_LIST,
	DROP_MALFORMED,
	DROP_TCP_FLAGS,
	DROP_LAND, /* source and destination are the same */
	DROP_FRAGMENT,
	DROP_AMPLIFICATION,
	DROP_UDP_RATE,
	DROP_ICMP_RATE,
	DROP_ICMP_TYPE,
	DROP_SYN_RATE, /* verified, but too fast all the same */
	DROP_BAD_COOKIE,
	DROP_NO_CHALLENGE, /* due one, but has VLAN tags or IP options, which the answer would have to repeat */
	DROP_PROTOCOL,
	REASONS,
};

struct prefix_key {
	__u32 prefix_len;
	struct addr addr;
};

enum list_action {
	LIST_BLOCK,
	LIST_ALLOW,
};

struct list_entry {
	__u64 until; /* ns; 0: for ever */
	__u32 action;
	__u32 pad;
	__u64 packets;
};

enum rate_class {
	RATE_SYN,
	RATE_UDP,
	RATE_ICMP,
	RATE_CLASSES,
};

struct rate_key {
	struct addr source;
	__u32 class;
};

/* Packets in the running window of a second; the one before counts in proportion to what of it is still within a second. */
struct rate {
	__u64 window_start; /* ns */
	__u32 current;
	__u32 previous;
};

struct sample {
	__u32 reason;
	__u32 packet_len;
	struct addr source;
	__u8 head[SAMPLE_BYTES]; /* of the packet; zeros behind its end */
};

struct mitigation {
	__u32 rate_limit[RATE_CLASSES]; /* packets per second and source */
	__u32 challenge_all;
	__u32 sample_every; /* 0: no samples */
	__u32 cookie_epoch; /* counted up by the control plane, every minute or so */
};

/* The control plane changes these while the program runs. */
struct mitigation mitigation = {
	.rate_limit = { [RATE_SYN] = 20, [RATE_UDP] = 50, [RATE_ICMP] = 10 },
	.sample_every = 16,
	.cookie_epoch = 7,
};

const volatile __u32 cookie_secret[2] = { 0x6a69746e, 0x69632121 };
const volatile __u64 verified_for_ns = 600 * NSEC_PER_SEC;

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix_key);
	__type(value, struct list_entry);
} lists SEC(".maps");

/* UDP source ports of reflectors, in host order. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__type(key, __u16);
	__type(value, __u32);
} amplifier_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct rate_key);
	__type(value, struct rate);
} rates SEC(".maps");

/* Sources that returned a cookie, and when (ns). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct addr);
	__type(value, __u64);
} verified SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASONS);
	__type(key, __u32);
	__type(value, __u64);
} reasons SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} samples SEC(".maps");

static __always_inline __u64 count(__u32 reason)
{
	__u64 *value = bpf_map_lookup_elem(&reasons, &reason);

	return value ? ++*value : 0;
}

static __always_inline int pass(__u32 reason)
{
	count(reason);
	return XDP_PASS;
}

static __noinline int send_sample(struct xdp_md *ctx, const struct addr *source, __u32 reason)
{
	struct sample *s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);
	struct cursor c = cursor_of(ctx);
	__u64 len = c.end - c.pos;

	if (!s)
		return -1;
	s->reason = reason;
	s->packet_len = len;
	s->source = *source;
	__builtin_memset(s->head, 0, sizeof(s->head));
	if (len > SAMPLE_BYTES)
		len = SAMPLE_BYTES;
	barrier_var(len); /* or the two checks become one branch that leaves 0 possible */
	/* A helper, because a loop with a bounds check for each byte has too many paths for the verifier. */
	if (len && bpf_xdp_load_bytes(ctx, 0, s->head, len)) {
		bpf_ringbuf_discard(s, 0);
		return -1;
	}
	bpf_ringbuf_submit(s, 0);
	return 0;
}

static __noinline int drop(struct xdp_md *ctx, const struct addr *source, __u32 reason)
{
	__u64 n = count(reason);

	if (mitigation.sample_every && n % mitigation.sample_every == 0)
		send_sample(ctx, source, reason);
	return XDP_DROP;
}

/*
 * Counts a packet and says whether its source is over the limit of the class (a global function: verified once, by
 * itself, for any source and class).
 */
__noinline int over_rate(const struct addr *source, __u32 class, __u64 now)
{
	struct rate_key key = { .class = class };
	struct rate fresh = { .window_start = now, .current = 1 };
	struct rate *r;
	__u64 elapsed, weighted;

	if (!source || class >= RATE_CLASSES)
		return 0;
	key.source = *source;
	r = bpf_map_lookup_elem(&rates, &key);
	if (!r) {
		bpf_map_update_elem(&rates, &key, &fresh, BPF_ANY);
		return mitigation.rate_limit[class] == 0;
	}
	elapsed = now - r->window_start;
	if (elapsed >= 2 * NSEC_PER_SEC) {
		r->window_start = now;
		r->previous = 0;
		r->current = 0;
		elapsed = 0;
	} else if (elapsed >= NSEC_PER_SEC) {
		r->window_start += NSEC_PER_SEC;
		r->previous = r->current;
		r->current = 0;
		elapsed -= NSEC_PER_SEC;
	}
	r->current++;
	weighted = r->current + r->previous * (NSEC_PER_SEC - elapsed) / NSEC_PER_SEC;
	return weighted > mitigation.rate_limit[class];
}

/* The cookie of a connection attempt: a hash of its ends, keyed by the secret and the epoch. */
static __noinline __u32 cookie_of(const struct addr *src, const struct addr *dst, __u32 ports, __u32 epoch)
{
	__u32 h = hash_step(cookie_secret[0], epoch);

	h = hash_addr(hash_addr(h, src), dst);
	return hash_end(hash_step(hash_step(h, ports), cookie_secret[1]));
}

static __always_inline int is_verified(const struct addr *source, __u64 now)
{
	__u64 *since = bpf_map_lookup_elem(&verified, source);

	return since && now - *since <= verified_for_ns;
}

/*
 * Turns the frame into the answer to it: MAC and IP addresses change places, the packet is cut to the bare TCP header.
 * All checksums are computed afresh.
 */
static __noinline int answer_tcp(struct xdp_md *ctx, const struct ip_info *info, __u32 seq, __u32 ack, __u32 flags)
{
	struct cursor c = cursor_of(ctx);
	__u32 l3 = info->version == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	__u32 len = c.end - c.pos;
	__u32 want = sizeof(struct ethhdr) + l3 + sizeof(struct tcphdr);
	struct ethhdr *eth;
	struct tcphdr *tcp;
	struct ports ports;
	__u64 sum;

	if (len < want || bpf_xdp_adjust_tail(ctx, -(int)(len - want)))
		return XDP_ABORTED;
	c = cursor_of(ctx);
	eth = TAKE(&c, struct ethhdr);
	if (!eth)
		return XDP_ABORTED;
	swap_macs(eth);

	if (info->version == 4) {
		struct iphdr *ip = TAKE(&c, struct iphdr);

		if (!ip)
			return XDP_ABORTED;
		*(__u16 *)ip = bpf_htons(0x4500);
		ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp));
		ip->id = 0;
		ip->frag_off = bpf_htons(IPV4_DF);
		ip->ttl = 64;
		ip->check = 0;
		ip->saddr = info->dst.w[3];
		ip->daddr = info->src.w[3];
		ip->check = ~sum_fold(sum_words(ip, sizeof(*ip) / 2));
		sum = sum_words(&ip->saddr, 4);
	} else {
		struct ipv6hdr *ip6 = TAKE(&c, struct ipv6hdr);

		if (!ip6)
			return XDP_ABORTED;
		ip6->payload_len = bpf_htons(sizeof(*tcp));
		ip6->hop_limit = 64;
		__builtin_memcpy(&ip6->saddr, &info->dst, sizeof(ip6->saddr));
		__builtin_memcpy(&ip6->daddr, &info->src, sizeof(ip6->daddr));
		sum = sum_words(&ip6->saddr, sizeof(struct addr));
	}

	tcp = TAKE(&c, struct tcphdr);
	if (!tcp)
		return XDP_ABORTED;
	ports = *(struct ports *)tcp;
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = ports.dst;
	tcp->dest = ports.src;
	tcp->seq = bpf_htonl(seq);
	tcp->ack_seq = bpf_htonl(ack);
	((__u8 *)tcp)[12] = sizeof(*tcp) / 4 << 4;
	((__u8 *)tcp)[13] = flags;
	tcp->window = flags & TCP_SYN ? bpf_htons(65535) : 0;
	sum += bpf_htons(sizeof(*tcp)) + bpf_htons(IPPROTO_TCP);
	sum += sum_words(tcp, sizeof(*tcp) / 2);
	tcp->check = ~sum_fold(sum);
	return XDP_TX;
}

/* Flags that no stack sends: none at all, SYN with FIN or RST, FIN or PSH or URG without ACK. */
static __always_inline int tcp_flags_malformed(__u8 flags)
{
	if (flags & TCP_SYN)
		return flags & (TCP_FIN | TCP_RST);
	return !(flags & (TCP_ACK | TCP_RST));
}

static __always_inline int handle_tcp(struct xdp_md *ctx, struct cursor *c, const struct ip_info *ip, __u64 now)
{
	struct tcphdr *tcp = TAKE(c, struct tcphdr);
	__u32 ports, seq, ack, cookie;
	int plain;
	__u8 flags;

	if (!tcp || tcp->doff < 5)
		return drop(ctx, &ip->src, DROP_MALFORMED);
	flags = tcp_flags(tcp);
	if (tcp_flags_malformed(flags))
		return drop(ctx, &ip->src, DROP_TCP_FLAGS);
	plain = (void *)tcp == (void *)(long)ctx->data + sizeof(struct ethhdr) +
				       (ip->version == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	ports = *(__u32 *)tcp;
	seq = bpf_ntohl(tcp->seq);
	ack = bpf_ntohl(tcp->ack_seq);

	if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		int over = over_rate(&ip->src, RATE_SYN, now);

		if (is_verified(&ip->src, now))
			return over ? drop(ctx, &ip->src, DROP_SYN_RATE) : pass(PASSED);
		if (!over && !mitigation.challenge_all)
			return pass(PASSED);
		if (!plain)
			return drop(ctx, &ip->src, DROP_NO_CHALLENGE);
		cookie = cookie_of(&ip->src, &ip->dst, ports, mitigation.cookie_epoch);
		count(CHALLENGED);
		return answer_tcp(ctx, ip, cookie, seq + 1, TCP_SYN | TCP_ACK);
	}

	/* A bare ACK may be the answer to a challenge, of this epoch or the last; else it belongs to a connection. */
	if (flags == TCP_ACK && plain && !is_verified(&ip->src, now)) {
		__u32 epoch = mitigation.cookie_epoch;

		if (ack - 1 == cookie_of(&ip->src, &ip->dst, ports, epoch) ||
		    ack - 1 == cookie_of(&ip->src, &ip->dst, ports, epoch - 1)) {
			bpf_map_update_elem(&verified, &ip->src, &now, BPF_ANY);
			count(VERIFIED);
			return answer_tcp(ctx, ip, ack, 0, TCP_RST);
		}
		if (mitigation.challenge_all)
			return drop(ctx, &ip->src, DROP_BAD_COOKIE);
	}
	return pass(PASSED);
}

static __always_inline int handle_udp(struct xdp_md *ctx, struct cursor *c, const struct ip_info *ip, __u64 now)
{
	struct udphdr *udp = TAKE(c, struct udphdr);
	__u16 port;

	if (!udp || bpf_ntohs(udp->len) < sizeof(*udp) || !udp->dest)
		return drop(ctx, &ip->src, DROP_MALFORMED);
	port = bpf_ntohs(udp->source);
	if (bpf_map_lookup_elem(&amplifier_ports, &port))
		return drop(ctx, &ip->src, DROP_AMPLIFICATION);
	if (over_rate(&ip->src, RATE_UDP, now))
		return drop(ctx, &ip->src, DROP_UDP_RATE);
	return pass(PASSED);
}

/* IPv6 does not work without neighbour discovery (types 133 to 137) and packet too big; IPv4 not without errors. */
static __always_inline int handle_icmp(struct xdp_md *ctx, struct cursor *c, const struct ip_info *ip, __u64 now)
{
	struct icmphdr *icmp = TAKE(c, struct icmphdr);
	int known;

	if (!icmp)
		return drop(ctx, &ip->src, DROP_MALFORMED);
	if (ip->version == 4)
		known = icmp->type == ICMP_ECHO || icmp->type == ICMP_ECHOREPLY || icmp->type == ICMP_DEST_UNREACH ||
			icmp->type == ICMP_TIME_EXCEEDED;
	else
		known = icmp->type <= 4 || (icmp->type >= 128 && icmp->type <= 137);
	if (!known)
		return drop(ctx, &ip->src, DROP_ICMP_TYPE);
	if (over_rate(&ip->src, RATE_ICMP, now))
		return drop(ctx, &ip->src, DROP_ICMP_RATE);
	return pass(PASSED);
}

SEC("xdp")
int ddos_mitigator(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	struct prefix_key key = { .prefix_len = 128 };
	struct list_entry *entry;
	struct ip_info ip = {};
	__u64 now = bpf_ktime_get_ns();
	__be16 proto;

	if (!take_ethernet(&c, &proto))
		return drop(ctx, &ip.src, DROP_MALFORMED);
	switch (take_ip(&c, proto, &ip)) {
	case IP_OK:
		break;
	case IP_OTHER:
		return pass(PASSED_NOT_IP);
	case IP_MALFORMED:
		return drop(ctx, &ip.src, DROP_MALFORMED);
	}
	if (addr_equal(&ip.src, &ip.dst))
		return drop(ctx, &ip.src, DROP_LAND);

	key.addr = ip.src;
	entry = bpf_map_lookup_elem(&lists, &key);
	if (entry && (!entry->until || now < entry->until)) {
		__sync_fetch_and_add(&entry->packets, 1);
		if (entry->action == LIST_ALLOW)
			return pass(PASSED_ALLOW_LIST);
		return drop(ctx, &ip.src, DROP_BLOCK_LIST);
	}
	if (ip.fragment != NOT_FRAGMENTED)
		return drop(ctx, &ip.src, DROP_FRAGMENT);

	if (ip.proto == IPPROTO_TCP)
		return handle_tcp(ctx, &c, &ip, now);
	if (ip.proto == IPPROTO_UDP)
		return handle_udp(ctx, &c, &ip, now);
	if (ip.proto == (ip.version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return handle_icmp(ctx, &c, &ip, now);
	return drop(ctx, &ip.src, DROP_PROTOCOL);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

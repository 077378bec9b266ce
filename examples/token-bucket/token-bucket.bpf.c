// SPDX-License-Identifier: MIT
/*
 * A policer in two levels.
 *
 *  - Each source has a bucket of its own, kept as one number: the time at which it would be full again (the generic cell
 *    rate algorithm, ITU-T I.371, virtual scheduling). One compare-and-swap takes tokens, so no lock is needed, and an
 *    LRU table may hold it.
 *  - Sources belong to classes by prefix; a class has a two rate three colour marker (RFC 2698) over all its traffic:
 *    within the committed rate green, within the peak rate yellow, beyond it red. Two counters change together, under a
 *    spin lock.
 *
 * Red is dropped, yellow passes with a higher drop precedence in its DSCP (AF11 becomes AF12, and so on, RFC 2597), green
 * passes as it is. A class with a committed rate of 0 is not policed.
 */
#include "../common/checksum.h"
#include "../common/parse.h"

#define MAX_CLASSES 32
#define DEFAULT_CLASS 0
#define CAS_TRIES 4

struct lpm_key {
	__u32 prefix_len;
	struct addr addr;
};

struct class_config {
	__u64 committed_rate; /* bytes per second */
	__u64 committed_burst; /* bytes */
	__u64 peak_rate;
	__u64 peak_burst;
	__u64 source_rate; /* of each source of the class; 0: no limit */
	__u64 source_burst;
};

struct class_state {
	struct bpf_spin_lock lock;
	__u32 started;
	__u64 updated; /* ns */
	__u64 committed; /* tokens: bytes */
	__u64 peak;
};

enum colour {
	GREEN,
	YELLOW,
	RED,
	SOURCE_LIMIT, /* refused by the source's own bucket, before the class was asked */
	COLOURS,
};

struct class_stats {
	__u64 packets[COLOURS];
	__u64 bytes[COLOURS];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lpm_key);
	__type(value, __u32);
} class_of_source SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CLASSES);
	__type(key, __u32);
	__type(value, struct class_config);
} classes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CLASSES);
	__type(key, __u32);
	__type(value, struct class_state);
} class_states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct addr);
	__type(value, __u64);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_CLASSES);
	__type(key, __u32);
	__type(value, struct class_stats);
} stats SEC(".maps");

/* Packets that are no IP, and compare-and-swaps that were lost to another CPU until the tries ran out. */
__u64 not_ip;
__u64 contended;

/* Time that `bytes` take at `rate`. */
static __always_inline __u64 duration(__u64 bytes, __u64 rate)
{
	return bytes * NSEC_PER_SEC / rate;
}

/*
 * Takes `bytes` from a source's bucket. Its value is the time at which the bucket will be full; each byte moves that on,
 * and it may lie at most a burst ahead of now. Returns whether there were enough.
 */
static __noinline int take_from_source(const struct addr *source, const struct class_config *config, __u32 bytes, __u64 now)
{
	__u64 burst = duration(config->source_burst, config->source_rate);
	__u64 cost = duration(bytes, config->source_rate);
	__u64 first = now + cost;
	__u64 *full_at = bpf_map_lookup_elem(&sources, source);

	if (!full_at) {
		if (cost > burst)
			return 0;
		bpf_map_update_elem(&sources, source, &first, BPF_NOEXIST);
		return 1;
	}
	for (int i = 0; i < CAS_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)full_at;
		__u64 next = (seen > now ? seen : now) + cost;

		if (next - now > burst)
			return 0;
		if (__sync_val_compare_and_swap(full_at, seen, next) == seen)
			return 1;
	}
	__sync_fetch_and_add(&contended, 1);
	return 1;
}

/* Whole seconds apart from the rest: the products stay below 2^64 for rates up to 140 Gbit/s. */
static __always_inline __u64 refill(__u64 tokens, __u64 rate, __u64 burst, __u64 elapsed)
{
	tokens += rate * (elapsed / NSEC_PER_SEC) + rate * (elapsed % NSEC_PER_SEC) / NSEC_PER_SEC;
	return tokens < burst ? tokens : burst;
}

/* The marker of RFC 2698, colour-blind mode. `config` is read before the lock is taken: no calls while it is held. */
static __noinline enum colour mark(__u32 class, const struct class_config *config, __u32 bytes, __u64 now)
{
	struct class_state *s = bpf_map_lookup_elem(&class_states, &class);
	__u64 committed_rate = config->committed_rate, committed_burst = config->committed_burst;
	__u64 peak_rate = config->peak_rate, peak_burst = config->peak_burst;
	enum colour colour = GREEN;
	__u64 elapsed;

	if (!s)
		return GREEN;
	bpf_spin_lock(&s->lock);
	if (!s->started) {
		s->started = 1;
		s->updated = now;
		s->committed = committed_burst;
		s->peak = peak_burst;
	}
	/* Two CPUs may come here out of the order in which they read the clock. */
	elapsed = now > s->updated ? now - s->updated : 0;
	if (elapsed > 1000) {
		/* Less than a microsecond is left to add up, or rounding would lose all of it at low rates. */
		s->committed = refill(s->committed, committed_rate, committed_burst, elapsed);
		s->peak = refill(s->peak, peak_rate, peak_burst, elapsed);
		s->updated = now;
	}
	if (s->peak < bytes) {
		colour = RED;
	} else {
		s->peak -= bytes;
		if (s->committed < bytes)
			colour = YELLOW;
		else
			s->committed -= bytes;
	}
	bpf_spin_unlock(&s->lock);
	return colour;
}

/*
 * The DSCP with the drop precedence raised by one step, up to the highest: code points of the assured forwarding classes
 * are cccdd0 with class ccc from 1 to 4 and precedence dd from 1 to 3. Others stay.
 */
static __always_inline __u8 demote(__u8 tos)
{
	__u8 class = tos >> 5;
	__u8 precedence = tos >> 3 & 3;

	if (class < 1 || class > 4 || precedence < 1 || precedence > 2 || tos & 4)
		return tos;
	return tos + (1 << 3);
}

static __always_inline void remark(void *l3, __u8 version)
{
	if (version == 4) {
		struct iphdr *ip = l3;
		__u16 before = *(__u16 *)ip;

		ip->tos = demote(ip->tos);
		ip->check = checksum_update(ip->check, diff16(before, *(__u16 *)ip));
	} else {
		/* The traffic class lies across the first two bytes, four bits in each. */
		__be16 *first = l3;
		__u16 word = bpf_ntohs(*first);

		*first = bpf_htons((word & 0xf00f) | demote(word >> 4) << 4);
	}
}

SEC("xdp")
int token_bucket(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx), before_ip;
	struct lpm_key key = { .prefix_len = 128 };
	struct class_config *config;
	struct class_stats *class_stats;
	enum colour colour = GREEN;
	struct ip_info ip;
	__u64 now = bpf_ktime_get_ns();
	__u32 class = DEFAULT_CLASS;
	__u32 *found;
	__u32 bytes = c.end - c.pos;
	__be16 proto;

	if (!take_ethernet(&c, &proto))
		return XDP_DROP;
	before_ip = c;
	switch (take_ip(&c, proto, &ip)) {
	case IP_OK:
		break;
	case IP_OTHER:
		__sync_fetch_and_add(&not_ip, 1);
		return XDP_PASS;
	case IP_MALFORMED:
		return XDP_DROP;
	}

	key.addr = ip.src;
	found = bpf_map_lookup_elem(&class_of_source, &key);
	if (found)
		class = *found;
	config = bpf_map_lookup_elem(&classes, &class);
	if (!config)
		return XDP_PASS;

	if (config->source_rate && !take_from_source(&ip.src, config, bytes, now))
		colour = SOURCE_LIMIT;
	else if (config->committed_rate)
		colour = mark(class, config, bytes, now);

	class_stats = bpf_map_lookup_elem(&stats, &class);
	if (class_stats && colour < COLOURS) {
		class_stats->packets[colour]++;
		class_stats->bytes[colour] += bytes;
	}
	if (colour >= RED)
		return XDP_DROP;
	if (colour == YELLOW)
		remark(before_ip.pos, ip.version);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

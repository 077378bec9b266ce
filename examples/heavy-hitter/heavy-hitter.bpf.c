// SPDX-License-Identifier: MIT
/*
 * Finds the sources that send the most bytes, in a fixed amount of memory whatever their number.
 *
 *  - A count-min sketch (Cormode and Muthukrishnan, 2005) of ROWS rows: a packet adds its length to one cell of each row,
 *    and the least of those cells estimates its source's total, never too low. The update is the conservative one (Estan
 *    and Varghese, 2002): only the cells that hold the least grow, which keeps the error small.
 *  - Time runs in windows. A cell remembers the window in which it was last used and starts from zero in the next, so that
 *    nothing has to sweep the sketch.
 *  - A table of the TOP largest estimates of the window. A source that is not in it replaces the smallest entry once its
 *    estimate is larger.
 *  - A source whose estimate crosses `report_above` is reported to a ring buffer, once a window. Beyond `drop_above` its
 *    packets are dropped for the rest of the window.
 */
#include "../common/hash.h"
#include "../common/parse.h"

#define ROWS 4
#define CELLS 512 /* of a row; a power of two */
#define TOP 16

struct cell {
	__u32 window;
	__u32 bytes;
};

struct row {
	struct cell cells[CELLS];
};

struct top_entry {
	struct addr source;
	__u32 window;
	__u32 bytes; /* estimate */
	__u64 packets; /* since it entered the table */
};

struct report {
	__u64 time; /* ns */
	struct addr source;
	__u32 window;
	__u32 bytes;
	__u32 protocol;
	__u32 packet_len;
};

/* The control plane changes these while the program runs. 0 switches a threshold off. */
__u64 window_ns = NSEC_PER_SEC;
__u32 report_above = 10000;
__u32 drop_above = 30000;

/* Read by the control plane. */
__u64 packets_seen;
__u64 packets_other; /* no IP, or malformed */
__u64 packets_dropped;
__u64 reports_sent;
__u64 reports_lost; /* the ring buffer was full */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ROWS);
	__type(key, __u32);
	__type(value, struct row);
} sketch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TOP);
	__type(key, __u32);
	__type(value, struct top_entry);
} top SEC(".maps");

/* Bytes and packets by IP version and by size: powers of two, from 64 up. */
struct histogram {
	__u64 packets[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct histogram);
} sizes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024);
} reports SEC(".maps");

/* What the rows' callback needs; the cells are found in the first pass and written in the second. */
struct update {
	__u32 h1;
	__u32 h2;
	__u32 window;
	__u32 least;
	__u32 total; /* second pass: what the least cells become */
};

/* The cell of a source in a row: double hashing (Kirsch and Mitzenmacher, 2006) makes any number of rows from two hashes. */
static __always_inline struct cell *cell_of(const struct update *u, __u32 row)
{
	struct row *r = bpf_map_lookup_elem(&sketch, &row);

	if (!r)
		return NULL;
	return &r->cells[(u->h1 + row * u->h2) & (CELLS - 1)];
}

/* First pass: the least of the cells. */
static long find_least(__u32 row, void *arg)
{
	struct update *u = arg;
	struct cell *cell = cell_of(u, row);
	__u32 bytes;

	if (!cell)
		return 1;
	bytes = cell->window == u->window ? cell->bytes : 0;
	if (bytes < u->least)
		u->least = bytes;
	return 0;
}

/* Second pass: no cell is less than the new total. Two CPUs may lose one another's update; the estimate stays one. */
static long raise_cells(__u32 row, void *arg)
{
	struct update *u = arg;
	struct cell *cell = cell_of(u, row);

	if (!cell)
		return 1;
	if (cell->window != u->window) {
		cell->window = u->window;
		cell->bytes = u->total;
	} else if (cell->bytes < u->total) {
		cell->bytes = u->total;
	}
	return 0;
}

/* Adds a packet to the sketch; the new estimate of its source. */
__noinline __u32 add_to_sketch(const struct addr *source, __u32 bytes, __u32 window)
{
	struct update u = { .window = window, .least = 0xffffffff };

	if (!source)
		return 0;
	u.h1 = hash_end(hash_addr(0x9747b28c, source));
	u.h2 = hash_end(hash_addr(0x3c6ef372, source)) | 1;
	bpf_loop(ROWS, find_least, &u, 0);
	u.total = u.least + bytes;
	if (u.total < bytes) /* saturate */
		u.total = 0xffffffff;
	bpf_loop(ROWS, raise_cells, &u, 0);
	return u.total;
}

/* Brings the table of the largest up to date. An entry of an earlier window counts as empty. */
static __noinline void update_top(const struct addr *source, __u32 estimate, __u32 window)
{
	__u32 smallest = 0xffffffff, victim = 0;
	struct top_entry *e;

	for (__u32 i = 0; i < TOP; i++) {
		__u32 index = i;
		__u32 bytes;

		e = bpf_map_lookup_elem(&top, &index);
		if (!e)
			return;
		bytes = e->window == window ? e->bytes : 0;
		if (bytes && addr_equal(&e->source, source)) {
			e->bytes = estimate;
			e->packets++;
			return;
		}
		if (bytes < smallest) {
			smallest = bytes;
			victim = i;
		}
	}
	if (estimate <= smallest)
		return;
	e = bpf_map_lookup_elem(&top, &victim);
	if (!e)
		return;
	e->source = *source;
	e->window = window;
	e->bytes = estimate;
	e->packets = 1;
}

static __noinline void send_report(const struct ip_info *ip, __u64 now, __u32 estimate, __u32 window, __u32 len)
{
	struct report *r = bpf_ringbuf_reserve(&reports, sizeof(*r), 0);

	if (!r) {
		__sync_fetch_and_add(&reports_lost, 1);
		return;
	}
	r->time = now;
	r->source = ip->src;
	r->window = window;
	r->bytes = estimate;
	r->protocol = ip->proto;
	r->packet_len = len;
	bpf_ringbuf_submit(r, 0);
	__sync_fetch_and_add(&reports_sent, 1);
}

/* Bucket 0 is up to 64 bytes, bucket i up to 64 << i; the last takes the rest. */
static __always_inline __u32 size_bucket(__u32 len)
{
	__u32 bucket = 0;

	for (__u32 limit = 64; len > limit && bucket < 7; limit <<= 1)
		bucket++;
	return bucket;
}

static __noinline void count_size(__u32 version, __u32 len)
{
	struct histogram *h = bpf_map_lookup_elem(&sizes, &version);
	__u32 bucket = size_bucket(len);

	if (!h) {
		struct histogram zero = {};

		bpf_map_update_elem(&sizes, &version, &zero, BPF_NOEXIST);
		h = bpf_map_lookup_elem(&sizes, &version);
		if (!h)
			return;
	}
	if (bucket < 8)
		h->packets[bucket]++;
}

SEC("xdp")
int heavy_hitter(struct xdp_md *ctx)
{
	struct cursor c = cursor_of(ctx);
	__u32 len = c.end - c.pos;
	__u64 now = bpf_ktime_get_ns();
	struct ip_info ip;
	__u32 estimate, window;
	__be16 proto;

	__sync_fetch_and_add(&packets_seen, 1);
	if (!take_ethernet(&c, &proto) || take_ip(&c, proto, &ip) != IP_OK) {
		__sync_fetch_and_add(&packets_other, 1);
		return XDP_PASS;
	}
	/* Windows are numbered from 1: cells and entries that were never used say 0. */
	window = now / (window_ns ? window_ns : NSEC_PER_SEC) + 1;
	estimate = add_to_sketch(&ip.src, len, window);
	update_top(&ip.src, estimate, window);
	count_size(ip.version, len);

	/* The packet that crosses the threshold is the first whose predecessor was below it. */
	if (report_above && estimate > report_above && estimate - len <= report_above)
		send_report(&ip, now, estimate, window, len);
	if (drop_above && estimate > drop_above) {
		__sync_fetch_and_add(&packets_dropped, 1);
		return XDP_DROP;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

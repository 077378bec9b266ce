// SPDX-License-Identifier: MIT
/* One of everything that the reader links, for comparison with libbpf. Does nothing sensible. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#define noinline __attribute__((noinline))

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { [1] = &inner_a, [5] = &inner_b } };

int tail_a(struct xdp_md *ctx);
int tail_b(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int(void *));
} jumps SEC(".maps") = { .values = { [0] = (void *)&tail_a, [3] = (void *)&tail_b } };

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 5000);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 100);
	__uint(map_extra, 3);
	__type(value, __u32);
} bloom SEC(".maps");

extern int LINUX_KERNEL_VERSION __kconfig;
extern unsigned long CONFIG_NO_SUCH_THING __kconfig __weak;
extern char CONFIG_NO_SUCH_TEXT[40] __kconfig __weak;
extern const int no_such_symbol __ksym __weak;
extern void no_such_function(void *x) __ksym __weak;

static int counter = 5;
static volatile const int limit = 9;
int factor;
static __u64 table[8] SEC(".data.mine");
static int zeros SEC(".bss.mine");
const char message[] = "hello world";
const volatile __u64 setting = 3;

static noinline int leaf(int x)
{
	return x * factor + counter;
}

noinline int visible(struct xdp_md *ctx, int y)
{
	return leaf(y) + ctx->ingress_ifindex;
}

__weak noinline int replaceable(struct xdp_md *ctx)
{
	return 12 + leaf(3);
}

__hidden noinline int hidden(struct xdp_md *ctx)
{
	return visible(ctx, 3);
}

struct state {
	int sum;
};

static int add_leaf(__u32 i, struct state *state)
{
	state->sum += leaf(i);
	return 0;
}

static long add_value(void *map, __u32 *key, __u64 *value, struct state *state)
{
	state->sum += *value;
	bpf_loop(2, add_leaf, state, 0);
	return 0;
}

SEC("xdp") int callbacks(struct xdp_md *ctx)
{
	struct state state = {};

	bpf_loop(10, add_leaf, &state, 0);
	bpf_for_each_map_elem(&inner_a, add_value, &state, 0);
	counter++;
	table[state.sum & 7]++;
	zeros++;
	return replaceable(ctx) + hidden(ctx) + state.sum + limit + setting;
}

SEC("xdp") int externs(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, 0);
	if (LINUX_KERNEL_VERSION > 5)
		return CONFIG_NO_SUCH_THING + CONFIG_NO_SUCH_TEXT[2];
	if (&no_such_symbol)
		return no_such_symbol;
	bpf_trace_printk(message, sizeof(message));
	return visible(ctx, table[3]);
}

SEC("xdp/tail") int tail_a(struct xdp_md *ctx)
{
	if (no_such_function)
		no_such_function(ctx);
	return 1;
}

SEC("xdp/tail") int tail_b(struct xdp_md *ctx)
{
	return leaf(2);
}

static noinline int neighbour(struct xdp_md *ctx)
{
	return ctx->rx_queue_index;
}

SEC("xdp.frags") int maps(struct xdp_md *ctx)
{
	void *map = bpf_map_lookup_elem(&outer, &counter);

	bpf_ringbuf_output(&ring, &factor, 4, 0);
	bpf_map_push_elem(&bloom, &factor, 0);
	return map ? 1 : neighbour(ctx);
}

char _license[] SEC("license") = "Dual MIT/GPL";
int _version SEC("version") = 0x60102;

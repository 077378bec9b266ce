#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct event { __u32 len; __u16 proto; __u8 ok:1; __u8 kind:3; char tag[9]; };
const struct event *unused __attribute__((unused));
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } perf SEC(".maps");
const volatile __u32 limit = 60;
const int folded = 3;
struct cfg { __u32 timeout; __u16 ports[4]; struct { __u8 a; __u8 b; }; __u8 on:1; __u8 mode:2; };
const volatile struct cfg cfg = { 5, {1,2,3,4} };
__u64 seen; __u64 counts[4] = {1}; struct cfg last;
char _license[] SEC("license") = "GPL";
SEC("xdp") int say(struct xdp_md *ctx) {
  __u32 len = ctx->data_end - ctx->data;
  __sync_fetch_and_add(&seen, 1);
  counts[2] += len; last.mode = cfg.mode; last.ports[1] = cfg.ports[1];
  if (len > limit) {
    bpf_printk("long packet: %u of %d", len, folded);
    struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
    if (e) { e->len = len; e->proto = 7; e->ok = 1; e->kind = cfg.mode; __builtin_memcpy(e->tag, "hello", 6); bpf_ringbuf_submit(e, 0); }
    struct event p = { .len = 1 };
    bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &p, sizeof(p));
    return XDP_DROP;
  }
  return XDP_PASS;
}

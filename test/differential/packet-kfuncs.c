// What kernel functions about the packet and dynptrs answer, written down in `answers`: for packets of several pages.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int bpf_xdp_pull_data(struct xdp_md *, __u32) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *, __u64, struct bpf_dynptr *) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *, __u32, struct bpf_dynptr *, __u32, __u32) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr *, __u32, __u32, __u8) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *, __u32, __u32) __ksym;

char LICENSE[] SEC("license") = "GPL";
int answers[64];
static volatile int at;
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, char[1024]);
} memory SEC(".maps");

#define note(value) answers[at++ & 63] = (value)

static __always_inline void linear(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  note(end - data);
  if (data + 1 <= end) note(data[0]);
  if (data + 3600 <= end) note(data[3599]);
}

SEC("xdp.frags")
int pulled(struct xdp_md *ctx) {
  unsigned char byte = 0;
  at = 0;
  linear(ctx);
  note(bpf_xdp_pull_data(ctx, 100));
  note(bpf_xdp_pull_data(ctx, 3600));
  linear(ctx);
  note(bpf_xdp_load_bytes(ctx, 3600, &byte, 1));
  note(byte);
  note(bpf_xdp_load_bytes(ctx, 8999, &byte, 1));
  note(byte);
  note(bpf_xdp_pull_data(ctx, 3736));
  linear(ctx);
  note(bpf_xdp_pull_data(ctx, 3737));
  note(bpf_xdp_pull_data(ctx, 20000));
  note(bpf_xdp_get_buff_len(ctx));
  note(bpf_xdp_adjust_tail(ctx, -5000));
  note(bpf_xdp_adjust_tail(ctx, 3900));
  note(bpf_xdp_adjust_tail(ctx, 3800));
  note(bpf_xdp_get_buff_len(ctx));
  linear(ctx);
  return XDP_PASS;
}

SEC("xdp.frags")
int adjusted(struct xdp_md *ctx) {
  at = 0;
  note(bpf_xdp_adjust_head(ctx, 3400));
  linear(ctx);
  note(bpf_xdp_pull_data(ctx, 4000));
  linear(ctx);
  note(bpf_xdp_adjust_head(ctx, -200));
  linear(ctx);
  return XDP_PASS;
}

SEC("xdp.frags")
int copied(struct xdp_md *ctx) {
  struct bpf_dynptr packet, own;
  __u32 key = 0;
  char *value = bpf_map_lookup_elem(&memory, &key);
  at = 0;
  if (!value) return XDP_ABORTED;
  note(bpf_dynptr_from_xdp(ctx, 0, &packet));
  note(bpf_dynptr_from_mem(value, 1024, 0, &own));
  note(bpf_dynptr_copy(&own, 0, &packet, 3000, 1024));
  note(value[0]);
  note(value[1023]);
  note(bpf_dynptr_copy(&own, 1, &packet, 3000, 1024));
  note(bpf_dynptr_copy(&own, 0, &packet, 8000, 1001));
  note(bpf_dynptr_copy(&packet, 3400, &own, 10, 1000));
  note(bpf_dynptr_copy(&own, 10, &own, 0, 900));
  note(value[11]);
  note(value[909]);
  note(bpf_dynptr_memset(&own, 1000, 24, 7));
  note(bpf_dynptr_memset(&own, 1000, 25, 7));
  note(value[999]);
  note(value[1000]);
  note(bpf_dynptr_memset(&packet, 3500, 3000, 9));
  note(bpf_dynptr_memset(&packet, 9000, 1, 9));
  note(bpf_dynptr_memset(&packet, 9000, 0, 9));
  note(bpf_dynptr_adjust(&packet, 3000, 8000));
  note(bpf_dynptr_copy(&packet, 0, &own, 0, 700));
  note(bpf_dynptr_copy(&packet, 4990, &packet, 0, 11));
  note(bpf_dynptr_copy(&packet, 1, &packet, 0, 900));
  note(bpf_dynptr_from_mem(value, 1024, 1, &own));
  note(bpf_dynptr_copy(&own, 0, &packet, 0, 0));
  note(bpf_dynptr_copy(&own, 0, &packet, 0, 1));
  note(bpf_dynptr_copy(&packet, 0, &own, 0, 1));
  note(bpf_dynptr_memset(&own, 0, 0, 1));
  note(bpf_dynptr_memset(&own, 0, 1, 1));
  return XDP_PASS;
}

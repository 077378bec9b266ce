// Kernel functions and `may_goto` where a card follows them: which way a program goes hangs on the packet, and effects
// stand before what decides.
#include "../golden/verify/conntrack.h"

#define ETH_P_IP 0x0800
struct bpf_iter_num { __u64 opaque; } __attribute__((aligned(8)));
extern int bpf_dynptr_from_xdp(struct xdp_md *, __u64, struct bpf_dynptr *) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *, __u32, void *, __u32) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *, __u32, void *, __u32) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *, __u32, struct bpf_dynptr *, __u32, __u32) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr *, __u32, __u32, __u8) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *, __u32, __u32) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *, struct bpf_dynptr *) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *) __ksym;
extern int bpf_xdp_pull_data(struct xdp_md *, __u32) __ksym;
extern int bpf_iter_num_new(struct bpf_iter_num *, int, int) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *) __ksym;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u8[64]);
} memory SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 65536);
} records SEC(".maps");

static __always_inline __u8 *room(__u32 key) { return bpf_map_lookup_elem(&memory, &key); }

/** Headers by slices, each where the one before ends. */
SEC("xdp")
int sliced(struct xdp_md *ctx) {
  __u8 buffer[20] = {}, ports[4] = {};
  struct bpf_dynptr packet;
  __u32 at = 14;
  if (bpf_dynptr_from_xdp(ctx, 0, &packet)) return XDP_ABORTED;
  __u8 *eth = bpf_dynptr_slice(&packet, 0, buffer, 14);
  if (!eth) return XDP_DROP;
  __u16 type = eth[12] << 8 | eth[13];
  if (type == 0x8100) {
    __u8 *tag = bpf_dynptr_slice(&packet, 14, buffer, 4);
    if (!tag) return XDP_DROP;
    type = tag[2] << 8 | tag[3];
    at = 18;
  }
  if (type != ETH_P_IP) return XDP_PASS;
  __u8 *ip = bpf_dynptr_slice_rdwr(&packet, at, buffer, 20);
  if (!ip) return XDP_DROP;
  ip[8]--;
  at += (ip[0] & 15) * 4;
  if (ip[9] != 17) return XDP_PASS;
  __u8 *udp = bpf_dynptr_slice(&packet, at, ports, 4);
  if (!udp) return XDP_DROP;
  return udp[2] < 128 ? XDP_TX : XDP_PASS;
}

/** Reads, writes and copies between the packet and a map, and what is left of a dynptr. */
SEC("xdp")
int copied(struct xdp_md *ctx) {
  struct bpf_dynptr packet, rest, own;
  __u8 head[24] = {};
  __u8 *value = room(1);
  if (!value) return XDP_ABORTED;
  bpf_dynptr_from_xdp(ctx, 0, &packet);
  bpf_dynptr_from_mem(value, 64, 0, &own);
  if (bpf_dynptr_read(head, sizeof head, &packet, 0, 0)) return XDP_DROP;
  if (bpf_dynptr_write(&own, head[23] & 63, head, 13, 0)) return XDP_PASS;
  if (head[12] == 8) value[60]++;
  bpf_dynptr_clone(&packet, &rest);
  if (bpf_dynptr_adjust(&rest, 20, 60)) return 7;
  if (bpf_dynptr_size(&rest) != 40) return XDP_ABORTED;
  bpf_dynptr_write(&rest, 3, value, 11, 0);
  bpf_dynptr_copy(&own, 30, &rest, 8, 20);
  bpf_dynptr_memset(&rest, 30, 4, value[31]);
  __u8 *tail = bpf_dynptr_data(&own, 30, 8);
  if (!tail) return XDP_ABORTED;
  tail[1] += 3;
  return tail[2] < 100 ? XDP_TX : 9;
}

/** A record whose size the packet says; it is given back again where the packet is of no interest. */
SEC("xdp")
int recorded(struct xdp_md *ctx) {
  struct bpf_dynptr packet, record;
  __u8 head[32] = {}, *first;
  int verdict = XDP_DROP;
  bpf_dynptr_from_xdp(ctx, 0, &packet);
  bpf_dynptr_read(head, sizeof head, &packet, 0, 0);
  int failed = bpf_ringbuf_reserve_dynptr(&records, 8 + (head[15] & 31), 0, &record);
  if (!failed) {
    bpf_dynptr_write(&record, 0, head, 8, 0);
    first = bpf_dynptr_data(&record, 0, 8);
    if (first) {
      first[0] = head[15];
      verdict = first[5] & 1 ? XDP_PASS : XDP_TX;
    }
    if (bpf_dynptr_write(&record, 8, head, 16, 0)) verdict = XDP_DROP;
  }
  if (head[23] == 17) bpf_ringbuf_discard_dynptr(&record, 0);
  else bpf_ringbuf_submit_dynptr(&record, 0);
  return verdict;
}

/** An entry of a table is made by the first packet of a flow and found by the others. */
SEC("xdp")
int connected(struct xdp_md *ctx) {
  __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct bpf_ct_opts opts = {.netns_id = -1, .l4proto = 17};
  struct bpf_sock_tuple tuple = {};
  __u8 *value = room(2);
  if (!value || data + 38 > end || data[23] != 17 || data[14] != 0x45) return XDP_PASS;
  __builtin_memcpy(&tuple.ipv4.saddr, data + 26, 4);
  __builtin_memcpy(&tuple.ipv4.daddr, data + 30, 4);
  __builtin_memcpy(&tuple.ipv4.sport, data + 34, 2);
  __builtin_memcpy(&tuple.ipv4.dport, data + 36, 2);
  value[0]++;
  struct nf_conn *ct = bpf_xdp_ct_lookup(ctx, &tuple, 12, &opts, 16);
  if (ct) {
    __u32 mark = *(volatile __u32 *)((char *)ct + 168);
    *(volatile __u32 *)((char *)ct + 168) = mark + 1;
    bpf_ct_change_timeout(ct, 100000);
    bpf_ct_release(ct);
    value[1]++;
    return mark > 3 ? XDP_DROP : XDP_TX;
  }
  struct nf_conn___init *fresh = bpf_xdp_ct_alloc(ctx, &tuple, 12, &opts, 16);
  if (!fresh) return XDP_ABORTED;
  bpf_ct_set_timeout(fresh, 100000);
  ct = bpf_ct_insert_entry(fresh);
  if (!ct) return XDP_ABORTED;
  value[2]++;
  bpf_ct_release(ct);
  return XDP_PASS;
}

/** Loops whose end the packet says. */
SEC("xdp")
int looped(struct xdp_md *ctx) {
  struct bpf_iter_num it;
  __u32 sum = 0, j = 0;
  int *i;
  if (bpf_xdp_pull_data(ctx, 40)) return XDP_DROP;
  __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 40 > end) return XDP_ABORTED;
  __u32 most = data[26] & 7;
  bpf_iter_num_new(&it, 0, data[25] & 7);
  while ((i = bpf_iter_num_next(&it))) {
    __u8 *byte = data + (*i & 31);
    if (byte + 1 <= end) sum += *byte;
  }
  bpf_iter_num_destroy(&it);
  for (;;) {
    asm volatile goto("may_goto %l[out]" : : : : out);
    if (j >= most) break;
    sum = sum * 3 + data[36];
    j++;
  }
out:
  return sum & 1 ? XDP_PASS : XDP_TX;
}

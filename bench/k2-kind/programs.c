// Programs of the kind that K2 (SIGCOMM 2021) was measured on, where the kernel no longer has them in that form:
// tracepoints of XDP that count errors, and small XDP and TC programs. Written for opt-bench.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct counts { __u64 processed, dropped, info, err; };
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 2); __type(key, __u32); __type(value, __u64); } redirect_errors SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 6); __type(key, __u32); __type(value, __u64); } exceptions SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 64); __type(key, __u32); __type(value, struct counts); } enqueued SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct counts); } threads SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct counts); } sent SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 256); __type(key, __u32); __type(value, __u64); } packets SEC(".maps");
struct flow { __be32 saddr, daddr; __be16 sport, dport; __u8 proto; __u8 pad[3]; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1024); __type(key, struct flow); __type(value, __u32); } flows SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, __u32); __type(value, __u32); } devices SEC(".maps");

struct exception { __u64 common; int prog_id; __u32 act; int ifindex; };
struct redirect { __u64 common; int prog_id; __u32 act; int ifindex; int err; int to_ifindex; __u32 map_id; int map_index; };
struct xmit { __u64 common; int from_ifindex; __u32 act; int to_ifindex; int drops; int sent; int err; };
struct enqueue { __u64 common; int map_id; __u32 act; int cpu; unsigned int drops; unsigned int processed; int to_cpu; };
struct kthread { __u64 common; int map_id; __u32 act; int cpu; unsigned int drops; unsigned int processed; int sched; };

SEC("tracepoint/xdp/xdp_exception") int xdp_exception(struct exception *ctx) {
  __u32 key = ctx->act;
  if (key > 4) key = 5;
  __u64 *count = bpf_map_lookup_elem(&exceptions, &key);
  if (!count) return 1;
  *count += 1;
  return 0;
}

SEC("tracepoint/xdp/xdp_redirect_err") int redirect_err(struct redirect *ctx) {
  __u32 key = 1;
  if (!ctx->err) key = 0;
  __u64 *count = bpf_map_lookup_elem(&redirect_errors, &key);
  if (!count) return 1;
  *count += 1;
  return 0;
}

SEC("tracepoint/xdp/xdp_devmap_xmit") int devmap_xmit(struct xmit *ctx) {
  __u32 key = 0;
  struct counts *rec = bpf_map_lookup_elem(&sent, &key);
  if (!rec) return 0;
  rec->processed += ctx->sent;
  rec->dropped += ctx->drops;
  rec->info += 1;
  if (ctx->err) rec->err++;
  if (ctx->drops < 0) rec->err++;
  return 1;
}

SEC("tracepoint/xdp/xdp_cpumap_enqueue") int cpumap_enqueue(struct enqueue *ctx) {
  __u32 to = ctx->to_cpu;
  if (to >= 64) return 1;
  struct counts *rec = bpf_map_lookup_elem(&enqueued, &to);
  if (!rec) return 0;
  rec->processed += ctx->processed;
  rec->dropped += ctx->drops;
  if (ctx->processed > 0) rec->info += 1;
  return 0;
}

SEC("tracepoint/xdp/xdp_cpumap_kthread") int cpumap_kthread(struct kthread *ctx) {
  __u32 key = 0;
  struct counts *rec = bpf_map_lookup_elem(&threads, &key);
  if (!rec) return 0;
  rec->processed += ctx->processed;
  rec->dropped += ctx->drops;
  if (ctx->sched) rec->info++;
  return 0;
}

SEC("xdp") int pktcntr(struct xdp_md *ctx) {
  void *end = (void *)(long)ctx->data_end, *data = (void *)(long)ctx->data;
  __u32 key = 0;
  if (data + sizeof(struct ethhdr) > end) return XDP_DROP;
  __u64 *count = bpf_map_lookup_elem(&packets, &key);
  if (count) *count += 1;
  return count ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int firewall(struct xdp_md *ctx) {
  void *end = (void *)(long)ctx->data_end, *data = (void *)(long)ctx->data;
  struct ethhdr *eth = data;
  struct flow flow = {};
  if (data + sizeof(*eth) > end) return XDP_DROP;
  if (eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct iphdr *ip = data + sizeof(*eth);
  if ((void *)(ip + 1) > end) return XDP_DROP;
  flow.proto = ip->protocol;
  if (flow.proto != IPPROTO_TCP && flow.proto != IPPROTO_UDP) return XDP_DROP;
  struct udphdr *ports = (void *)(ip + 1);
  if ((void *)(ports + 1) > end) return XDP_DROP;
  __u32 inside = 0;
  if (ctx->ingress_ifindex == 6) inside = 1;
  flow.saddr = inside ? ip->saddr : ip->daddr;
  flow.daddr = inside ? ip->daddr : ip->saddr;
  flow.sport = inside ? ports->source : ports->dest;
  flow.dport = inside ? ports->dest : ports->source;
  __u32 *known = bpf_map_lookup_elem(&flows, &flow);
  if (known) return bpf_redirect_map(&devices, *known, 0);
  if (!inside) return XDP_DROP;
  bpf_map_update_elem(&flows, &flow, &inside, BPF_ANY);
  return XDP_PASS;
}

SEC("xdp") int map_access(struct xdp_md *ctx) {
  void *end = (void *)(long)ctx->data_end, *data = (void *)(long)ctx->data;
  struct ethhdr *eth = data;
  if (data + sizeof(*eth) > end) return XDP_DROP;
  __u32 key = eth->h_source[5] | (eth->h_source[4] << 8);
  key &= 0xff;
  __u64 *count = bpf_map_lookup_elem(&packets, &key);
  if (count) *count = *count + 1;
  key = eth->h_dest[5];
  count = bpf_map_lookup_elem(&packets, &key);
  if (!count) return XDP_PASS;
  *count += eth->h_proto;
  return XDP_TX;
}

SEC("tc") int from_network(struct __sk_buff *skb) {
  __u32 i, *known, key = skb->ifindex;
  for (i = 0; i < 5; i++) skb->cb[i] = 0;
  skb->mark = 0;
  known = bpf_map_lookup_elem(&devices, &key);
  if (!known) return 0;
  skb->cb[0] = *known;
  skb->cb[1] = skb->ingress_ifindex;
  skb->mark = (*known << 16) | 0x200;
  return bpf_redirect(*known, 0);
}

char _license[] SEC("license") = "GPL";

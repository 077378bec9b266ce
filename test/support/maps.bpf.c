/* A program with a map of every type that test files speak of; the UDP port says what is done. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

enum kind { NOTHING, ROUTED };
struct stat { __u64 packets; __u32 from; __u8 mac[6]; char tag[6]; enum kind kind; };
struct prefix { __u32 length; __u8 address[4]; };

struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, __u32); __type(value, struct stat); } flows SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_HASH); __uint(max_entries, 16); __type(key, __u32); __type(value, struct stat); } each SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 2); __type(key, __u32); __type(value, __u64); } counts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 16); __type(key, struct prefix); __type(value, __u32); __uint(map_flags, BPF_F_NO_PREALLOC); } routes SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 8); __type(value, __u32); } queue SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK); __uint(max_entries, 8); __type(value, __u32); } stack SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 16); __type(value, __u32); } bloom SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_DEVMAP); __uint(max_entries, 8); __type(key, __u32); __type(value, __u32); } ports SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_DEVMAP_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, __u32); } ports_by_hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_CPUMAP); __uint(max_entries, 8); __type(key, __u32); __type(value, __u32); } cpus SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_XSKMAP); __uint(max_entries, 8); __type(key, __u32); __type(value, __u32); } sockets SEC(".maps");

char _license[] SEC("license") = "GPL";

SEC("xdp") int maps(struct xdp_md *ctx)
{
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct udphdr *udp = (void *)(ip + 1);
  if ((void *)(udp + 1) > end || ip->protocol != 17) return XDP_ABORTED;
  __u32 from = ip->saddr, zero = 0, value = ip->ttl;
  struct stat stat = { .packets = 1, .from = from, .tag = "new", .kind = ROUTED };
  __builtin_memcpy(stat.mac, eth->h_source, 6);
  switch (bpf_ntohs(udp->dest)) {
  case 1:
    bpf_map_update_elem(&flows, &from, &stat, 0);
    bpf_map_update_elem(&each, &from, &stat, 0);
    __u64 *count = bpf_map_lookup_elem(&counts, &zero);
    if (count) (*count)++;
    return XDP_PASS;
  case 2: {
    struct prefix prefix = { .length = 32 };
    __builtin_memcpy(prefix.address, &from, 4);
    return bpf_map_lookup_elem(&routes, &prefix) ? XDP_TX : XDP_DROP;
  }
  case 3:
    bpf_map_push_elem(&queue, &value, 0);
    bpf_map_push_elem(&stack, &value, 0);
    return XDP_PASS;
  case 4: return bpf_redirect_map(&ports, 2, XDP_DROP);
  case 5: return bpf_redirect_map(&ports_by_hash, 77, XDP_DROP);
  case 6: return bpf_redirect_map(&cpus, 1, XDP_DROP);
  case 7: return bpf_redirect_map(&sockets, 0, XDP_DROP);
  case 8: return bpf_redirect(3, 0);
  case 9: return bpf_map_push_elem(&bloom, &value, 0) ? XDP_DROP : XDP_PASS;
  }
  return XDP_DROP;
}

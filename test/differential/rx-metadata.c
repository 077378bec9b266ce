// What a device tells of each frame, in the order in which they come. Linux asks the driver; jitnic asks a table.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash, int *rss_type) __ksym;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *vlan_proto, __u16 *vlan_tci) __ksym;

struct note {
  __u64 timestamp;
  __u32 hash, rss_type;
  __u16 vlan_proto, vlan_tci;
  int codes[3];
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, struct note);
} notes SEC(".maps");
__u32 seen;

SEC("xdp")
int frame(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  // Frames of the test alone: IPv6 over UDP.
  if (data + 54 > end || *(__u16 *)(data + 12) != 0xdd86 || *(__u8 *)(data + 20) != 17) return XDP_PASS;
  __u32 key = seen++;
  struct note *note = bpf_map_lookup_elem(&notes, &key);
  if (!note) return XDP_PASS;
  note->codes[0] = bpf_xdp_metadata_rx_timestamp(ctx, &note->timestamp);
  note->codes[1] = bpf_xdp_metadata_rx_hash(ctx, &note->hash, (int *)&note->rss_type);
  note->codes[2] = bpf_xdp_metadata_rx_vlan_tag(ctx, &note->vlan_proto, &note->vlan_tci);
  return XDP_DROP;
}

char _license[] SEC("license") = "GPL";

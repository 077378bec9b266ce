// Memory read as another type: bpf_rdonly_cast of anything, typed by the kernel's BTF or not at all. What is not there
// reads as 0.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct list_head {
  struct list_head *next, *prev;
} __attribute__((preserve_access_index));
struct sockaddr {
  unsigned short sa_family;
  char sa_data[14];
} __attribute__((preserve_access_index));
extern void *bpf_rdonly_cast(const void *, __u32) __ksym;

char LICENSE[] SEC("license") = "GPL";
int answers[64];
static volatile int at;
#define note(value) answers[at++ & 63] = (value)

struct entry {
  __u64 address;
  __u8 bytes[24];
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, struct entry);
} entries SEC(".maps");

static __always_inline struct entry *entry(__u32 key) { return bpf_map_lookup_elem(&entries, &key); }

SEC("xdp")
int untyped(struct xdp_md *ctx) {
  struct entry *first = entry(0);
  at = 0;
  if (!first) return XDP_ABORTED;
  for (int i = 0; i < 24; i++) first->bytes[i] = 200 + i;
  first->address = (long)first->bytes;
  __u8 *cast = bpf_rdonly_cast(first, 0);
  note(cast[8]);
  note(*(signed char *)(cast + 9));
  note(*(__u32 *)(cast + 12));
  // A number that is read becomes a pointer again.
  __u8 *inner = bpf_rdonly_cast((void *)first->address, 0);
  note(inner[3]);
  note(*(__u64 *)(inner + 5) >> 32);
  note(*(short *)(inner + 2));
  // Nothing is there.
  __u8 *null = bpf_rdonly_cast(0, 0);
  note(null[0]);
  note(*(__u64 *)(null + 100));
  __u8 *odd = bpf_rdonly_cast((void *)0xdead000000000000, 0);
  note(*(__u32 *)odd);
  note(*(int *)(odd + 1));
  return XDP_PASS;
}

SEC("xdp")
int typed(struct xdp_md *ctx) {
  struct entry *first = entry(1), *second = entry(2);
  at = 0;
  if (!first || !second) return XDP_ABORTED;
  for (int i = 0; i < 24; i++) second->bytes[i] = 100 + i;
  first->address = (long)second;
  second->address = (long)first;
  struct list_head *list = bpf_rdonly_cast(first, bpf_core_type_id_kernel(struct list_head));
  note(list->next == (void *)second);
  note(list->next->next == (void *)first);
  note(list->next->next->next->next == (void *)first);
  // The bytes behind are no pointer.
  note(list->next->prev->next == 0);
  struct sockaddr *address = bpf_rdonly_cast(second->bytes, bpf_core_type_id_kernel(struct sockaddr));
  note(address->sa_family);
  note(address->sa_data[5]);
  note(bpf_core_type_id_kernel(struct sockaddr) != 0);
  return XDP_PASS;
}

SEC("xdp")
int decided(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct entry local = {.address = 5};
  at = 0;
  if (data + 40 > end) return XDP_DROP;
  struct entry *some = entry(data[36] & 3);
  if (!some) return XDP_ABORTED;
  some->bytes[0]++;
  local.bytes[3] = data[37];
  unsigned char *cast = bpf_rdonly_cast(data[38] & 1 ? some : 0, 0);
  volatile __u64 kept = (long)bpf_rdonly_cast(&local, 0);
  unsigned char *stack = bpf_rdonly_cast((void *)kept, 0);
  int sum = cast[8] + cast[data[39] & 31] + stack[11];
  note(sum);
  note(cast[8] + 1000);
  note(stack[11] + 2000);
  note(*(__u64 *)stack + 3000);
  note(stack[0] + 4000);
  return sum & 1 ? XDP_TX : XDP_PASS;
}

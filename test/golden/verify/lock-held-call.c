// A call while the lock is held.
#include "verify.h"
struct element { long count; struct bpf_spin_lock lock; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } locks SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&locks, &key);
  if (!element) return XDP_PASS;
  bpf_spin_lock(&element->lock);
  element->count = bpf_ktime_get_ns();
  bpf_spin_unlock(&element->lock);
  return XDP_DROP;
}

// $ jitnic verify lock-held-call.c
// prog: rejected (14 instructions checked, 1 states saved)
//
// lock-held-call.c:10: function calls are not allowed while holding a lock
//         element->count = bpf_ktime_get_ns();
//     14: (85) call bpf_ktime_get_ns#5

// The lock is not given back.
#include "verify.h"
struct element { long count; struct bpf_spin_lock lock; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } locks SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&locks, &key);
  if (!element) return XDP_PASS;
  bpf_spin_lock(&element->lock);
  element->count++;
  return XDP_DROP;
}

// $ jitnic verify lock-held-exit.c
// prog: rejected (18 instructions checked, 1 states saved)
//
// lock-held-exit.c:12: BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region
//         }
//     18: (95) exit

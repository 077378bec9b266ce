// One element is locked, another unlocked.
#include "verify.h"
struct element { long count; struct bpf_spin_lock lock; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } locks SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&locks, &key);
  if (!element) return XDP_PASS;
  key = 1;
  struct element *other = bpf_map_lookup_elem(&locks, &key);
  if (!other) return XDP_PASS;
  bpf_spin_lock(&element->lock);
  bpf_spin_unlock(&other->lock);
  return XDP_DROP;
}

// $ jitnic verify unlock-other.c
// prog: rejected (23 instructions checked, 1 states saved)
//
// unlock-other.c:13: bpf_spin_unlock of different lock
//         bpf_spin_unlock(&other->lock);
//     24: (85) call bpf_spin_unlock#94
// known: R1=map_value(id=2,map=locks,ks=4,vs=16,off=8)
// what led here:
//     16: (85) call bpf_map_lookup_elem#1                  ; struct element *other = bpf_map_lookup_elem(&locks, &key); @ unlock-other.c:10
//     17: (bf) r8 = r0                                     ; struct element *other = bpf_map_lookup_elem(&locks, &key); @ unlock-other.c:10
//     18: (15) if r8 == 0x0 goto pc+7  (tested)            ; if (!other) return XDP_PASS; @ unlock-other.c:11
//     22: (07) r8 += 8                                     ; bpf_spin_unlock(&other->lock); @ unlock-other.c:13
//     23: (bf) r1 = r8                                     ; bpf_spin_unlock(&other->lock); @ unlock-other.c:13

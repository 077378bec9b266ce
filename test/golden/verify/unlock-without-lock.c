// The lock was never taken.
#include "verify.h"
struct element { long count; struct bpf_spin_lock lock; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } locks SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&locks, &key);
  if (!element) return XDP_PASS;
  bpf_spin_unlock(&element->lock);
  return XDP_DROP;
}

// $ jitnic verify unlock-without-lock.c
// prog: rejected (11 instructions checked, 0 states saved)
//
// unlock-without-lock.c:9: bpf_spin_unlock without taking a lock
//         bpf_spin_unlock(&element->lock);
//     11: (85) call bpf_spin_unlock#94
// known: R1=map_value(id=1,map=locks,ks=4,vs=16,off=8)
// what led here:
//      6: (85) call bpf_map_lookup_elem#1                  ; struct element *element = bpf_map_lookup_elem(&locks, &key); @ unlock-without-lock.c:7
//      8: (15) if r0 == 0x0 goto pc+4  (tested)            ; if (!element) return XDP_PASS; @ unlock-without-lock.c:8
//      9: (07) r0 += 8                                     ; bpf_spin_unlock(&element->lock); @ unlock-without-lock.c:9
//     10: (bf) r1 = r0                                     ; bpf_spin_unlock(&element->lock); @ unlock-without-lock.c:9

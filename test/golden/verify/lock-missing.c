// A map whose values have no lock.
#include "verify.h"
struct element { long count; int lock; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } locks SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&locks, &key);
  if (!element) return XDP_PASS;
  bpf_spin_lock((void *)&element->lock);
  bpf_spin_unlock((void *)&element->lock);
  return XDP_DROP;
}

// $ jitnic verify lock-missing.c
// prog: rejected (12 instructions checked, 0 states saved)
//
// lock-missing.c:9: map 'locks' has no valid bpf_spin_lock
//         bpf_spin_lock((void *)&element->lock);
//     12: (85) call bpf_spin_lock#93
// known: R1=map_value(map=locks,ks=4,vs=16,off=8)
// what led here:
//      6: (85) call bpf_map_lookup_elem#1                  ; struct element *element = bpf_map_lookup_elem(&locks, &key); @ lock-missing.c:7
//      7: (bf) r6 = r0                                     ; struct element *element = bpf_map_lookup_elem(&locks, &key); @ lock-missing.c:7
//      9: (15) if r6 == 0x0 goto pc+6  (tested)            ; if (!element) return XDP_PASS; @ lock-missing.c:8
//     10: (07) r6 += 8                                     ; bpf_spin_lock((void *)&element->lock); @ lock-missing.c:9
//     11: (bf) r1 = r6                                     ; bpf_spin_lock((void *)&element->lock); @ lock-missing.c:9

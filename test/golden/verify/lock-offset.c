// The address of something else than the lock.
#include "verify.h"
struct element { long count; struct bpf_spin_lock lock; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } locks SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&locks, &key);
  if (!element) return XDP_PASS;
  bpf_spin_lock((void *)&element->count);
  bpf_spin_unlock((void *)&element->count);
  return XDP_DROP;
}

// $ jitnic verify lock-offset.c
// prog: rejected (11 instructions checked, 0 states saved)
//
// lock-offset.c:9: off 0 doesn't point to 'struct bpf_spin_lock' that is at 8
//         bpf_spin_lock((void *)&element->count);
//     11: (85) call bpf_spin_lock#93
// known: R1=map_value(id=1,map=locks,ks=4,vs=16)
// what led here:
//      6: (85) call bpf_map_lookup_elem#1                  ; struct element *element = bpf_map_lookup_elem(&locks, &key); @ lock-offset.c:7
//      7: (bf) r6 = r0                                     ; struct element *element = bpf_map_lookup_elem(&locks, &key); @ lock-offset.c:7
//      9: (15) if r6 == 0x0 goto pc+5  (tested)            ; if (!element) return XDP_PASS; @ lock-offset.c:8
//     10: (bf) r1 = r6                                     ; bpf_spin_lock((void *)&element->count); @ lock-offset.c:9

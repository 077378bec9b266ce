// A lock is not for loads and stores.
#include "verify.h"
struct element { long count; struct bpf_spin_lock lock; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } locks SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&locks, &key);
  if (!element) return XDP_PASS;
  *(volatile int *)&element->lock = 1;
  return XDP_DROP;
}

// $ jitnic verify map-special-field.c
// prog: rejected (11 instructions checked, 0 states saved)
//
// map-special-field.c:9: bpf_spin_lock cannot be accessed directly by load/store
//         *(volatile int *)&element->lock = 1;
//     11: (63) *(u32 *)(r1 +8) = r0
// known: R0=1, R1=map_value(id=1,map=locks,ks=4,vs=16)
// what led here:
//      6: (85) call bpf_map_lookup_elem#1                  ; struct element *element = bpf_map_lookup_elem(&locks, &key); @ map-special-field.c:7
//      7: (bf) r1 = r0                                     ; struct element *element = bpf_map_lookup_elem(&locks, &key); @ map-special-field.c:7
//      9: (15) if r1 == 0x0 goto pc+2  (tested)            ; if (!element) return XDP_PASS; @ map-special-field.c:8
//     10: (b4) w0 = 1                                      ; if (!element) return XDP_PASS; @ map-special-field.c:8

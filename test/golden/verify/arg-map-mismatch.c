// A timer of one map, started for another.
#include "verify.h"
struct element { struct bpf_timer timer; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } timers SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } others SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&timers, &key);
  if (!element) return XDP_PASS;
  bpf_timer_init(&element->timer, &others, 1);
  return XDP_DROP;
}

// $ jitnic verify arg-map-mismatch.c
// prog: rejected (12 instructions checked, 0 states saved)
//
// arg-map-mismatch.c:10: timer pointer in R1 map_uid=0 doesn't match map pointer in R2 map_uid=0
//         bpf_timer_init(&element->timer, &others, 1);
//     13: (85) call bpf_timer_init#169
// known: R1=map_value(map=timers,ks=4,vs=16), R2=map_ptr(map=others,ks=4,vs=16), R3=1
// what led here:
//      6: (85) call bpf_map_lookup_elem#1                  ; struct element *element = bpf_map_lookup_elem(&timers, &key); @ arg-map-mismatch.c:8
//      8: (15) if r0 == 0x0 goto pc+6  (tested)            ; if (!element) return XDP_PASS; @ arg-map-mismatch.c:9
//      9: (bf) r1 = r0                                     ; bpf_timer_init(&element->timer, &others, 1); @ arg-map-mismatch.c:10
//     10: (18) r2 = map[others]                            ; bpf_timer_init(&element->timer, &others, 1); @ arg-map-mismatch.c:10
//     12: (b7) r3 = 1                                      ; bpf_timer_init(&element->timer, &others, 1); @ arg-map-mismatch.c:10

// A lock at a computed place.
#include "verify.h"
struct element { long count; struct bpf_spin_lock lock; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 4); } locks SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&locks, &key);
  if (!element) return XDP_PASS;
  struct bpf_spin_lock *lock = (void *)((char *)element + (ctx->ingress_ifindex & 8));
  bpf_spin_lock(lock);
  bpf_spin_unlock(lock);
  return XDP_DROP;
}

// $ jitnic verify lock-not-const.c
// prog: rejected (15 instructions checked, 0 states saved)
//
// lock-not-const.c:10: R1 doesn't have constant offset. bpf_spin_lock has to be at the constant offset
//         bpf_spin_lock(lock);
//     15: (85) call bpf_spin_lock#93
// known: R1=map_value(id=1,map=locks,ks=4,vs=16,smin=smin32=0,smax=umax=smax32=umax32=8,var_off=(0x0; 0x8))
// what led here:
//      0: (bf) r7 = r1                                     ; SEC("xdp") int prog(struct xdp_md *ctx) { @ lock-not-const.c:5
//      7: (85) call bpf_map_lookup_elem#1                  ; struct element *element = bpf_map_lookup_elem(&locks, &key); @ lock-not-const.c:7
//      8: (bf) r6 = r0                                     ; struct element *element = bpf_map_lookup_elem(&locks, &key); @ lock-not-const.c:7
//     10: (15) if r6 == 0x0 goto pc+8  (tested)            ; if (!element) return XDP_PASS; @ lock-not-const.c:8
//     11: (61) r1 = *(u32 *)(r7 +12)                       ; struct bpf_spin_lock *lock = (void *)((char *)element + (ctx->ingress_ifindex & 8)); @ lock-not-const.c:9
//     12: (54) w1 &= 8                                     ; struct bpf_spin_lock *lock = (void *)((char *)element + (ctx->ingress_ifindex & 8)); @ lock-not-const.c:9
//     13: (0f) r6 += r1                                    ; struct bpf_spin_lock *lock = (void *)((char *)element + (ctx->ingress_ifindex & 8)); @ lock-not-const.c:9
//     14: (bf) r1 = r6                                     ; bpf_spin_lock(lock); @ lock-not-const.c:10

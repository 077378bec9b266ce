// A tail call through a map that holds no programs.
#include "verify.h"
struct {
#ifdef MENDED
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
#else
  __uint(type, BPF_MAP_TYPE_ARRAY);
#endif
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u32);
} targets SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_tail_call(ctx, &targets, 0);
  return XDP_PASS;
}

// $ jitnic verify tail-call-map.c
// prog: rejected (3 instructions checked, 0 states saved)
//
// tail-call-map.c:14: expected prog array map for tail call
//         bpf_tail_call(ctx, &targets, 0);
//      3: (85) call bpf_tail_call#12
// known: R1=ctx(), R2=map_ptr(map=targets,ks=4,vs=4), R3=0
// what led here:
//      0: (18) r2 = map[targets]                           ; bpf_tail_call(ctx, &targets, 0); @ tail-call-map.c:14
//      2: (b4) w3 = 0                                      ; bpf_tail_call(ctx, &targets, 0); @ tail-call-map.c:14
// hint: give bpf_tail_call a map of type BPF_MAP_TYPE_PROG_ARRAY

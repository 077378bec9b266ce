// An iterator that does not lie at a multiple of 8.
#include "iterators.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  char place[24];
  bpf_iter_num_new((void *)(place + 4), 0, 5);
  return XDP_PASS;
}

// $ jitnic verify iterator-place.c
// prog: rejected (5 instructions checked, 0 states saved)
//
// iterator-place.c:5: cannot pass in iter at an offset=-20
//         bpf_iter_num_new((void *)(place + 4), 0, 5);
//      4: (85) call bpf_iter_num_new#0
// known: R1=fp-20, R2=0, R3=5
// what led here:
//      0: (bf) r1 = r10                                    ; bpf_iter_num_new((void *)(place + 4), 0, 5); @ iterator-place.c:5
//      1: (07) r1 += -20                                   ; bpf_iter_num_new((void *)(place + 4), 0, 5); @ iterator-place.c:5
//      2: (b4) w2 = 0                                      ; bpf_iter_num_new((void *)(place + 4), 0, 5); @ iterator-place.c:5
//      3: (b4) w3 = 5                                      ; bpf_iter_num_new((void *)(place + 4), 0, 5); @ iterator-place.c:5

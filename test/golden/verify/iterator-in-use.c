// An iterator that was made twice.
#include "iterators.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 5);
  bpf_iter_num_new(&it, 0, 5);
  bpf_iter_num_destroy(&it);
  return XDP_PASS;
}

// $ jitnic verify iterator-in-use.c
// prog: rejected (10 instructions checked, 0 states saved)
//
// iterator-in-use.c:6: expected uninitialized iter_num as arg #0
//         bpf_iter_num_new(&it, 0, 5);
//      9: (85) call bpf_iter_num_new#0
// known: R1=fp-8, R2=0, R3=5
// what led here:
//      0: (bf) r6 = r10                                    ; SEC("xdp") int prog(struct xdp_md *ctx) { @ iterator-in-use.c:3
//      1: (07) r6 += -8                                    ; SEC("xdp") int prog(struct xdp_md *ctx) { @ iterator-in-use.c:3
//      5: (85) call bpf_iter_num_new#0                     ; bpf_iter_num_new(&it, 0, 5); @ iterator-in-use.c:5
//      6: (bf) r1 = r6                                     ; bpf_iter_num_new(&it, 0, 5); @ iterator-in-use.c:6
//      7: (b4) w2 = 0                                      ; bpf_iter_num_new(&it, 0, 5); @ iterator-in-use.c:6
//      8: (b4) w3 = 5                                      ; bpf_iter_num_new(&it, 0, 5); @ iterator-in-use.c:6

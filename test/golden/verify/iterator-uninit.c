// An iterator that was never made.
#include "iterators.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct bpf_iter_num it;
#ifdef MENDED
  bpf_iter_num_new(&it, 0, 5);
#endif
  int *next = bpf_iter_num_next(&it);
  int found = next != 0;
  bpf_iter_num_destroy(&it);
  return found ? XDP_DROP : XDP_PASS;
}

// $ jitnic verify iterator-uninit.c
// prog: rejected (4 instructions checked, 1 states saved)
//
// iterator-uninit.c:8: expected an initialized iter_num as arg #0
//         int *next = bpf_iter_num_next(&it);
//      3: (85) call bpf_iter_num_next#0
// known: R1=fp-8
// what led here:
//      0: (bf) r6 = r10                                    ; SEC("xdp") int prog(struct xdp_md *ctx) { @ iterator-uninit.c:3
//      1: (07) r6 += -8                                    ; SEC("xdp") int prog(struct xdp_md *ctx) { @ iterator-uninit.c:3
//      2: (bf) r1 = r6                                     ; int *next = bpf_iter_num_next(&it); @ iterator-uninit.c:8

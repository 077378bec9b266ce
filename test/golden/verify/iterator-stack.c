// An iterator that does not lie on the stack.
#include "iterators.h"
struct bpf_iter_num global;
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_iter_num_new(&global, 0, 5);
  return XDP_PASS;
}

// $ jitnic verify iterator-stack.c
// prog: rejected (4 instructions checked, 0 states saved)
//
// iterator-stack.c:5: arg#0 expected pointer to an iterator on stack
//         bpf_iter_num_new(&global, 0, 5);
//      4: (85) call bpf_iter_num_new#0
// known: R1=map_value(map=iterator.bss,ks=4,vs=8), R2=0, R3=5
// what led here:
//      0: (18) r1 = map[iterator.bss][0]+0                 ; bpf_iter_num_new(&global, 0, 5); @ iterator-stack.c:5
//      2: (b4) w2 = 0                                      ; bpf_iter_num_new(&global, 0, 5); @ iterator-stack.c:5
//      3: (b4) w3 = 5                                      ; bpf_iter_num_new(&global, 0, 5); @ iterator-stack.c:5

// The first number of an iterator is an address.
#include "verify.h"
struct bpf_iter_num {
  __u64 opaque[1];
} __attribute__((aligned(8)));
extern int bpf_iter_num_new(struct bpf_iter_num *it, long start, int end) __ksym;
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, (long)ctx, 5);
  return XDP_PASS;
}

// $ jitnic verify kfunc-arg-number.c
// prog: rejected (5 instructions checked, 0 states saved)
//
// kfunc-arg-number.c:9: R2 is not a scalar
//         bpf_iter_num_new(&it, (long)ctx, 5);
//      4: (85) call bpf_iter_num_new#0
// known: R1=fp-8, R2=ctx(), R3=5
// what led here:
//      0: (bf) r2 = r1                                     ; SEC("xdp") int prog(struct xdp_md *ctx) { @ kfunc-arg-number.c:7
//      1: (bf) r1 = r10                                    ; SEC("xdp") int prog(struct xdp_md *ctx) { @ kfunc-arg-number.c:7
//      2: (07) r1 += -8                                    ; SEC("xdp") int prog(struct xdp_md *ctx) { @ kfunc-arg-number.c:7
//      3: (b4) w3 = 5                                      ; bpf_iter_num_new(&it, (long)ctx, 5); @ kfunc-arg-number.c:9

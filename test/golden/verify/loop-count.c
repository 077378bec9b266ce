// An address where the number of rounds belongs.
#include "verify.h"
static long visit(unsigned index, void *data) { return 0; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_loop((unsigned long)ctx, visit, 0, 0);
  return XDP_PASS;
}

// $ jitnic verify loop-count.c
// prog: rejected (4 instructions checked, 1 states saved)
//
// loop-count.c:5: verifier bug: backtracking misuse
//         bpf_loop((unsigned long)ctx, visit, 0, 0);
//      4: (85) call bpf_loop#181
// known: R1=ctx(), R2=func(), R3=0, R4=0
// what led here:
//      0: (18) r2 = subprog[visit]                         ; bpf_loop((unsigned long)ctx, visit, 0, 0); @ loop-count.c:5
//      2: (b7) r3 = 0                                      ; bpf_loop((unsigned long)ctx, visit, 0, 0); @ loop-count.c:5
//      3: (b7) r4 = 0                                      ; bpf_loop((unsigned long)ctx, visit, 0, 0); @ loop-count.c:5
// hint: the first argument of bpf_loop is a number, not an address

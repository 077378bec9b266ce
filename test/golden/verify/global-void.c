// A global function that returns an address.
#include "verify.h"
__attribute__((noinline)) void *same(struct xdp_md *ctx) { asm volatile("" : "+r"(ctx)); return ctx; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  return same(ctx) != 0;
}

// $ jitnic verify global-void.c
// prog: rejected (7 instructions checked, 0 states saved)
//
// global-void.c:3: Global function same() doesn't return scalar. Only those are supported.
//         __attribute__((noinline)) void *same(struct xdp_md *ctx) { asm volatile("" : "+r"(ctx)); return ctx; }
//      6: (bf) r0 = r1

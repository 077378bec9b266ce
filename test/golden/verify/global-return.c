// A global function that returns an address as a number.
#include "verify.h"
__attribute__((noinline)) long same(struct xdp_md *ctx) { return (long)ctx; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  return same(ctx) & 1;
}

// $ jitnic verify global-return.c
// prog: rejected (5 instructions checked, 0 states saved)
//
// global-return.c:3: At subprogram exit the register R0 is not a scalar value (ctx)
//         __attribute__((noinline)) long same(struct xdp_md *ctx) { return (long)ctx; }
//      4: (95) exit
// known: R0=ctx()
// what led here:
//      3: (bf) r0 = r1                                     ; __attribute__((noinline)) long same(struct xdp_md *ctx) { return (long)ctx; } @ global-return.c:3

// A NULL pointer for a function that takes no NULL.
#include "verify.h"
struct pair { int a, b; };
__attribute__((noinline)) int sum(struct pair *pair __arg_nonnull) { return pair->a + pair->b; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  return sum(0);
}

// $ jitnic verify global-arg.null.c
// prog: rejected (2 instructions checked, 0 states saved)
//
// global-arg.null.c:6: arg#0 is expected to be non-NULL; Caller passes invalid args into func#1 ('sum')
//         return sum(0);
//      1: (85) call pc+1#sum
// known: R1=0
// what led here:
//      0: (b7) r1 = 0                                      ; return sum(0); @ global-arg.null.c:6

// A parameter that cannot be checked on its own.
#include "verify.h"
struct unknown;
__attribute__((noinline)) int test(struct unknown *what) { return what != 0; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  return test((void *)ctx);
}

// $ jitnic verify global-arg.unsupported.c
// prog: rejected (1 instructions checked, 0 states saved)
//
// global-arg.unsupported.c:6: arg#0 reference type('FWD unknown') size cannot be determined: -22; Caller passes invalid args into func#1 ('test')
//         return test((void *)ctx);
//      0: (85) call pc+1#test
// known: R1=ctx()

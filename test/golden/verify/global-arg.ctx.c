// Something else than the context.
#include "verify.h"
__attribute__((noinline)) int port(struct xdp_md *ctx) { return ctx->ingress_ifindex; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct xdp_md copy = {};
  return port(&copy);
}

// $ jitnic verify global-arg.ctx.c
// prog: rejected (7 instructions checked, 0 states saved)
//
// global-arg.ctx.c:6: arg#0 expects pointer to ctx; Caller passes invalid args into func#1 ('port')
//         return port(&copy);
//      6: (85) call pc+1#port
// known: R1=fp-24
// what led here:
//      4: (bf) r1 = r10                                    ; struct xdp_md copy = {}; @ global-arg.ctx.c:5
//      5: (07) r1 += -24                                   ; struct xdp_md copy = {}; @ global-arg.ctx.c:5

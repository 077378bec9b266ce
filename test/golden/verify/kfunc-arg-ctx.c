// Something else than the context, as the packet of a dynptr.
#include "dynptrs.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct bpf_dynptr packet;
  char text[8] = "context";
  return bpf_dynptr_from_xdp((void *)text, 0, &packet);
}

// $ jitnic verify kfunc-arg-ctx.c
// prog: rejected (8 instructions checked, 0 states saved)
//
// kfunc-arg-ctx.c:6: arg#0 expected pointer to ctx, but got fp
//         return bpf_dynptr_from_xdp((void *)text, 0, &packet);
//      8: (85) call bpf_dynptr_from_xdp#0
// known: R1=fp-24, R2=0, R3=fp-16
// what led here:
//      3: (bf) r1 = r10                                    ; char text[8] = "context"; @ kfunc-arg-ctx.c:5
//      4: (07) r1 += -24                                   ; char text[8] = "context"; @ kfunc-arg-ctx.c:5
//      5: (bf) r3 = r10                                    ; char text[8] = "context"; @ kfunc-arg-ctx.c:5
//      6: (07) r3 += -16                                   ; char text[8] = "context"; @ kfunc-arg-ctx.c:5
//      7: (b7) r2 = 0                                      ; return bpf_dynptr_from_xdp((void *)text, 0, &packet); @ kfunc-arg-ctx.c:6

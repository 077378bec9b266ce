// A slice whose size is not a constant.
#include "dynptrs.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct bpf_dynptr packet;
  char buffer[16] = {};
  bpf_dynptr_from_xdp(ctx, 0, &packet);
  return bpf_dynptr_slice(&packet, 0, buffer, ctx->rx_queue_index & 15) ? XDP_PASS : XDP_DROP;
}

// $ jitnic verify kfunc-const.c
// prog: rejected (17 instructions checked, 0 states saved)
//
// kfunc-const.c:7: R4 must be a known constant
//         return bpf_dynptr_slice(&packet, 0, buffer, ctx->rx_queue_index & 15) ? XDP_PASS : XDP_DROP;
//     16: (85) call bpf_dynptr_slice#1
// known: R1=fp-16, R2=0, R3=fp-32, R4=scalar(smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
// what led here:
//      0: (bf) r6 = r1                                     ; SEC("xdp") int prog(struct xdp_md *ctx) { @ kfunc-const.c:3
//      4: (bf) r7 = r10                                    ; char buffer[16] = {}; @ kfunc-const.c:5
//      5: (07) r7 += -16                                   ; char buffer[16] = {}; @ kfunc-const.c:5
//      9: (85) call bpf_dynptr_from_xdp#0                  ; bpf_dynptr_from_xdp(ctx, 0, &packet); @ kfunc-const.c:6
//     10: (61) r4 = *(u32 *)(r6 +16)                       ; return bpf_dynptr_slice(&packet, 0, buffer, ctx->rx_queue_index & 15) ? XDP_PASS : XDP_DROP; @ kfunc-const.c:7
//     11: (54) w4 &= 15                                    ; return bpf_dynptr_slice(&packet, 0, buffer, ctx->rx_queue_index & 15) ? XDP_PASS : XDP_DROP; @ kfunc-const.c:7
//     12: (bf) r3 = r10                                    ; return bpf_dynptr_slice(&packet, 0, buffer, ctx->rx_queue_index & 15) ? XDP_PASS : XDP_DROP; @ kfunc-const.c:7
//     13: (07) r3 += -32                                   ; return bpf_dynptr_slice(&packet, 0, buffer, ctx->rx_queue_index & 15) ? XDP_PASS : XDP_DROP; @ kfunc-const.c:7
//     14: (bf) r1 = r7                                     ; return bpf_dynptr_slice(&packet, 0, buffer, ctx->rx_queue_index & 15) ? XDP_PASS : XDP_DROP; @ kfunc-const.c:7
//     15: (b4) w2 = 0                                      ; return bpf_dynptr_slice(&packet, 0, buffer, ctx->rx_queue_index & 15) ? XDP_PASS : XDP_DROP; @ kfunc-const.c:7

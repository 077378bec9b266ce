// A load at a place that is not constant.
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  unsigned int at = bpf_get_prandom_u32() & 4;
  struct nf_conn *ct = find(ctx);
  if (!ct) return XDP_DROP;
  unsigned int what = *(volatile unsigned int *)((char *)ct + at);
  bpf_ct_release(ct);
  return what ? XDP_PASS : XDP_TX;
}

// $ jitnic verify kernel-variable.c
// prog: rejected (28 instructions checked, 1 states saved)
//
// kernel-variable.c:7: R1 is ptr_nf_conn invalid variable offset: off=0, var_off=(0x0; 0x4)
//         unsigned int what = *(volatile unsigned int *)((char *)ct + at);
//     28: (61) r6 = *(u32 *)(r1 +0)
// known: R1=ptr_nf_conn(ref_obj_id=1,smin=smin32=0,smax=umax=smax32=umax32=4,var_off=(0x0; 0x4))
// what led here:
//      1: (85) call bpf_get_prandom_u32#7                  ; unsigned int at = bpf_get_prandom_u32() & 4; @ kernel-variable.c:4
//      2: (bc) w6 = w0                                     ; unsigned int at = bpf_get_prandom_u32() & 4; @ kernel-variable.c:4
//     22: (85) call bpf_xdp_ct_lookup#0                    ; return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:28
//     24: (15) if r0 == 0x0 goto pc+9  (tested)            ; if (!ct) return XDP_DROP; @ kernel-variable.c:6
//     25: (54) w6 &= 4                                     ; unsigned int at = bpf_get_prandom_u32() & 4; @ kernel-variable.c:4
//     26: (bf) r1 = r0                                     ; unsigned int what = *(volatile unsigned int *)((char *)ct + at); @ kernel-variable.c:7
//     27: (0f) r1 += r6                                    ; unsigned int what = *(volatile unsigned int *)((char *)ct + at); @ kernel-variable.c:7

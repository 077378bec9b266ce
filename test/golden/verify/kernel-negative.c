// A load in front of a connection.
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct nf_conn *ct = find(ctx);
  if (!ct) return XDP_DROP;
  unsigned int what = *(unsigned int *)((char *)ct - 4);
  bpf_ct_release(ct);
  return what ? XDP_PASS : XDP_TX;
}

// $ jitnic verify kernel-negative.c
// prog: rejected (22 instructions checked, 0 states saved)
//
// kernel-negative.c:6: R1 is ptr_nf_conn invalid negative access: off=-4
//         unsigned int what = *(unsigned int *)((char *)ct - 4);
//     22: (61) r6 = *(u32 *)(r1 -4)
// known: R1=ptr_nf_conn(ref_obj_id=1)
// what led here:
//     18: (85) call bpf_xdp_ct_lookup#0                    ; return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:28
//     19: (bf) r1 = r0                                     ; return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:28
//     21: (15) if r1 == 0x0 goto pc+5  (tested)            ; if (!ct) return XDP_DROP; @ kernel-negative.c:5

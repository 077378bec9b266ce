// A load that goes on from one member into the next.
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct nf_conn *ct = find(ctx);
  if (!ct) return XDP_DROP;
  unsigned long timeout = *(unsigned long *)((char *)ct + 8);
  bpf_ct_release(ct);
  return timeout ? XDP_PASS : XDP_TX;
}

// $ jitnic verify kernel-access.c
// prog: rejected (22 instructions checked, 0 states saved)
//
// kernel-access.c:6: access beyond the end of member timeout (mend:12) in struct nf_conn with off 8 size 8
//         unsigned long timeout = *(unsigned long *)((char *)ct + 8);
//     22: (79) r6 = *(u64 *)(r1 +8)
// known: R1=ptr_nf_conn(ref_obj_id=1)
// what led here:
//     18: (85) call bpf_xdp_ct_lookup#0                    ; return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:28
//     19: (bf) r1 = r0                                     ; return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:28
//     21: (15) if r1 == 0x0 goto pc+5  (tested)            ; if (!ct) return XDP_DROP; @ kernel-access.c:5

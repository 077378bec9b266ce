// A connection that may not be there is released.
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct nf_conn *ct = find(ctx);
#ifdef MENDED
  if (!ct) return XDP_DROP;
#endif
  bpf_ct_release(ct);
  return XDP_PASS;
}

// $ jitnic verify kfunc-arg-null.c
// prog: rejected (20 instructions checked, 0 states saved)
//
// kfunc-arg-null.c:8: Possibly NULL pointer passed to trusted arg0
//         bpf_ct_release(ct);
//     20: (85) call bpf_ct_release#1
// known: R1=ptr_or_null_nf_conn(id=1,ref_obj_id=1)
// what led here:
//     18: (85) call bpf_xdp_ct_lookup#0                    ; return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:28
//     19: (bf) r1 = r0                                     ; bpf_ct_release(ct); @ kfunc-arg-null.c:8
// hint: compare the pointer with NULL before it is passed

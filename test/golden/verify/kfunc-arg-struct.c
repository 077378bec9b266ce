// A connection that is not in the table yet is not released but inserted.
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct nf_conn___init *ct = make(ctx);
  if (!ct) return XDP_DROP;
  bpf_ct_release((struct nf_conn *)ct);
  return XDP_PASS;
}

// $ jitnic verify kfunc-arg-struct.c
// prog: rejected (22 instructions checked, 0 states saved)
//
// kfunc-arg-struct.c:6: kernel function bpf_ct_release args#0 expected pointer to STRUCT nf_conn but R1 has a pointer to STRUCT nf_conn___init
//         bpf_ct_release((struct nf_conn *)ct);
//     22: (85) call bpf_ct_release#1
// known: R1=ptr_nf_conn___init(ref_obj_id=1)
// what led here:
//     18: (85) call bpf_xdp_ct_alloc#0                     ; return bpf_xdp_ct_alloc(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:33
//     20: (15) if r0 == 0x0 goto pc+3  (tested)            ; if (!ct) return XDP_DROP; @ kfunc-arg-struct.c:5
//     21: (bf) r1 = r0                                     ; bpf_ct_release((struct nf_conn *)ct); @ kfunc-arg-struct.c:6

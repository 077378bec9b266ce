// Memory of the program is no connection.
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  long own[32] = {};
  bpf_ct_change_timeout((void *)own, 1000);
  return XDP_PASS;
}

// $ jitnic verify kfunc-arg-pointee.c
// prog: rejected (37 instructions checked, 0 states saved)
//
// kfunc-arg-pointee.c:5: arg#0 pointer type STRUCT nf_conn must point to scalar, or struct with scalar
//         bpf_ct_change_timeout((void *)own, 1000);
//     36: (85) call bpf_ct_change_timeout#0
// known: R1=fp-256, R2=1000
// what led here:
//     33: (bf) r1 = r10                                    ; long own[32] = {}; @ kfunc-arg-pointee.c:4
//     34: (07) r1 += -256                                  ; long own[32] = {}; @ kfunc-arg-pointee.c:4
//     35: (b4) w2 = 1000                                   ; bpf_ct_change_timeout((void *)own, 1000); @ kfunc-arg-pointee.c:5
// hint: it takes what another kernel function gave, not memory of the program

// Kernel functions are for GPL programs.
#define TERMS "Proprietary"
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct nf_conn *ct = find(ctx);
  if (ct) bpf_ct_release(ct);
  return XDP_PASS;
}

// $ jitnic verify kfunc-gpl.c
// prog: rejected (0 instructions checked, 0 states saved)
//
// conntrack.h:28: cannot call kernel function from non-GPL compatible program
//         return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts);
//     18: (85) call bpf_xdp_ct_lookup#0
// hint: declare `char _license[] SEC("license") = "GPL";`

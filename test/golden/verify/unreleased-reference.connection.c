// A connection that is never released.
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct nf_conn *ct = find(ctx);
#ifdef MENDED
  if (ct) bpf_ct_release(ct);
#endif
  return ct ? XDP_PASS : XDP_DROP;
}

// $ jitnic verify unreleased-reference.connection.c
// prog: rejected (23 instructions checked, 1 states saved)
//
// unreleased-reference.connection.c:8: Unreleased reference id=1 alloc_insn=18; BPF_EXIT instruction in main prog would lead to reference leak
//         return ct ? XDP_PASS : XDP_DROP;
//     23: (95) exit
// what led here:
//     18: (85) call bpf_xdp_ct_lookup#0                    ; return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:28
// hint: release what insn 18 acquired on every path to exit

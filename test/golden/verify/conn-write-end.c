// A store to the mark that goes on into the next member.
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct nf_conn *ct = find(ctx);
  if (!ct) return XDP_DROP;
  *(volatile unsigned long *)((char *)ct + 168) = 1;
  bpf_ct_release(ct);
  return XDP_PASS;
}

// $ jitnic verify conn-write-end.c
// prog: rejected (22 instructions checked, 0 states saved)
//
// conn-write-end.c:6: write access at off 168 with size 8 beyond the member of nf_conn ended at 172
//         *(volatile unsigned long *)((char *)ct + 168) = 1;
//     22: (7b) *(u64 *)(r0 +168) = r1
// known: R0=ptr_nf_conn(ref_obj_id=1), R1=1
// what led here:
//     18: (85) call bpf_xdp_ct_lookup#0                    ; return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:28
//     20: (15) if r0 == 0x0 goto pc+5  (tested)            ; if (!ct) return XDP_DROP; @ conn-write-end.c:5
//     21: (b7) r1 = 1                                      ; if (!ct) return XDP_DROP; @ conn-write-end.c:5

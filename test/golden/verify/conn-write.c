// The timeout is written as if it were a field of the program's.
#include "conntrack.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct nf_conn *ct = find(ctx);
  if (!ct) return XDP_DROP;
  *(volatile unsigned int *)((char *)ct + 8) = 1000;
  bpf_ct_release(ct);
  return XDP_PASS;
}

// $ jitnic verify conn-write.c
// prog: rejected (22 instructions checked, 0 states saved)
//
// conn-write.c:6: no write support to nf_conn at off 8
//         *(volatile unsigned int *)((char *)ct + 8) = 1000;
//     22: (63) *(u32 *)(r0 +8) = r1
// known: R0=ptr_nf_conn(ref_obj_id=1), R1=1000
// what led here:
//     18: (85) call bpf_xdp_ct_lookup#0                    ; return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts); @ conntrack.h:28
//     20: (15) if r0 == 0x0 goto pc+5  (tested)            ; if (!ct) return XDP_DROP; @ conn-write.c:5
//     21: (b4) w1 = 1000                                   ; if (!ct) return XDP_DROP; @ conn-write.c:5
// hint: only `mark` is written directly; status and timeout have kernel functions

// Only a program that a device map runs knows where the packet goes.
#include "verify.h"
#ifdef MENDED
SEC("xdp/devmap")
#else
SEC("xdp")
#endif
int prog(struct xdp_md *ctx) { return ctx->egress_ifindex == 1 ? XDP_DROP : XDP_PASS; }

// $ jitnic verify ctx-access.egress.c
// prog: rejected (1 instructions checked, 0 states saved)
//
// ctx-access.egress.c:8: invalid bpf_context access off=20 size=4
//         int prog(struct xdp_md *ctx) { return ctx->egress_ifindex == 1 ? XDP_DROP : XDP_PASS; }
//      0: (61) r1 = *(u32 *)(r1 +20)
// known: R1=ctx()
// hint: egress_ifindex is for programs of device maps only: SEC("xdp/devmap")

// A pointer into the packet, used after a call that may have moved the packet.
#include "verify.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data;
  if (data + 14 > (unsigned char *)(long)ctx->data_end) return XDP_PASS;
  unsigned char first = data[0];
  if (bpf_xdp_adjust_head(ctx, 4)) return XDP_ABORTED;
#ifdef MENDED
  data = (void *)(long)ctx->data;
  if (data + 14 > (unsigned char *)(long)ctx->data_end) return XDP_PASS;
#endif
  return data[0] == first ? XDP_PASS : XDP_DROP;
}

// $ jitnic verify mem-access-kind.stale.c
// prog: rejected (13 instructions checked, 1 states saved)
//
// mem-access-kind.stale.c:12: R6 invalid mem access 'scalar'
//         return data[0] == first ? XDP_PASS : XDP_DROP;
//     12: (71) r1 = *(u8 *)(r6 +0)
// known: R6=scalar()
// what led here:
//      2: (61) r6 = *(u32 *)(r1 +0)                        ; unsigned char *data = (void *)(long)ctx->data; @ mem-access-kind.stale.c:4
// hint: insn 8 (call bpf_xdp_adjust_head#44) may have moved the packet: load data and data_end from the context anew behind it, and compare again

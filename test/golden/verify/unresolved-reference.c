// A member of a structure that the kernel does not have.
#include "verify.h"
struct nowhere { int a, b; } __attribute__((preserve_access_index));
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct nowhere *at = (void *)(long)ctx->data;
  if ((void *)(at + 1) > (void *)(long)ctx->data_end) return XDP_PASS;
  return at->b;
}

// $ jitnic verify unresolved-reference.c
// prog: rejected (7 instructions checked, 0 states saved)
//
// unresolved-reference.c:7: CO-RE relocation byte_off of `struct nowhere.b`: the target kernel has no such thing (in section `xdp`, function `prog`, unresolved-reference.c:7)
//         return at->b;
//      6: (85) call unknown#195896080
// known: R1=pkt(r=8), R2=pkt_end(), R3=pkt(off=8,r=8)
// what led here:
//      1: (61) r2 = *(u32 *)(r1 +4)                        ; if ((void *)(at + 1) > (void *)(long)ctx->data_end) return XDP_PASS; @ unresolved-reference.c:6
//      2: (61) r1 = *(u32 *)(r1 +0)                        ; struct nowhere *at = (void *)(long)ctx->data; @ unresolved-reference.c:5
//      3: (bf) r3 = r1                                     ; if ((void *)(at + 1) > (void *)(long)ctx->data_end) return XDP_PASS; @ unresolved-reference.c:6
//      4: (07) r3 += 8                                     ; if ((void *)(at + 1) > (void *)(long)ctx->data_end) return XDP_PASS; @ unresolved-reference.c:6
//      5: (2d) if r3 > r2 goto pc+1  (tested)              ; if ((void *)(at + 1) > (void *)(long)ctx->data_end) return XDP_PASS; @ unresolved-reference.c:6

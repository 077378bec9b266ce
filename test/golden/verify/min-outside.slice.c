// More of a slice than was asked for.
#include "dynptrs.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct bpf_dynptr packet;
  char buffer[14];
  bpf_dynptr_from_xdp(ctx, 0, &packet);
  unsigned char *header = bpf_dynptr_slice(&packet, 0, buffer, 14);
  return header && header[14] == 4 ? XDP_PASS : XDP_DROP;
}

// $ jitnic verify min-outside.slice.c
// prog: rejected (15 instructions checked, 1 states saved)
//
// min-outside.slice.c:8: invalid access to memory, mem_size=14 off=14 size=1; R1 min value is outside of the allowed memory range
//         return header && header[14] == 4 ? XDP_PASS : XDP_DROP;
//     14: (71) r1 = *(u8 *)(r1 +14)
// known: R1=rdonly_mem(sz=14)
// what led here:
//     10: (85) call bpf_dynptr_slice#1                     ; unsigned char *header = bpf_dynptr_slice(&packet, 0, buffer, 14); @ min-outside.slice.c:7
//     11: (bf) r1 = r0                                     ; unsigned char *header = bpf_dynptr_slice(&packet, 0, buffer, 14); @ min-outside.slice.c:7
//     13: (15) if r1 == 0x0 goto pc+4  (tested)            ; return header && header[14] == 4 ? XDP_PASS : XDP_DROP; @ min-outside.slice.c:8
// hint: the access ends at byte 15 of it

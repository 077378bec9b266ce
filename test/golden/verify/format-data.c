// Arguments of bpf_snprintf are words of 8 bytes.
#include "verify.h"
static const char format[] = "%u";
SEC("xdp") int prog(struct xdp_md *ctx) {
  char text[16] = {};
  __u64 args[1] = {ctx->rx_queue_index};
  bpf_snprintf(text, sizeof(text), format, args, sizeof(args) - 4);
  return text[0] & 1;
}

// $ jitnic verify format-data.c
// prog: rejected (13 instructions checked, 0 states saved)
//
// format-data.c:7: format data of 4 bytes is not a number of 8-byte words
//         bpf_snprintf(text, sizeof(text), format, args, sizeof(args) - 4);
//     13: (85) call bpf_snprintf#165
// known: R1=fp-16, R2=16, R3=map_value(map=format_d.rodata,ks=4,vs=3), R4=fp-24, R5=4
// what led here:
//      5: (bf) r1 = r10                                    ; __u64 args[1] = {ctx->rx_queue_index}; @ format-data.c:6
//      6: (07) r1 += -16                                   ; __u64 args[1] = {ctx->rx_queue_index}; @ format-data.c:6
//      7: (bf) r4 = r10                                    ; __u64 args[1] = {ctx->rx_queue_index}; @ format-data.c:6
//      8: (07) r4 += -24                                   ; __u64 args[1] = {ctx->rx_queue_index}; @ format-data.c:6
//      9: (b4) w2 = 16                                     ; bpf_snprintf(text, sizeof(text), format, args, sizeof(args) - 4); @ format-data.c:7
//     10: (18) r3 = map[format_d.rodata][0]+0              ; bpf_snprintf(text, sizeof(text), format, args, sizeof(args) - 4); @ format-data.c:7
//     12: (b4) w5 = 4                                      ; bpf_snprintf(text, sizeof(text), format, args, sizeof(args) - 4); @ format-data.c:7

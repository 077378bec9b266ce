// A format that bpf_snprintf does not know.
#include "verify.h"
#ifdef MENDED
static const char format[] = "%u";
#else
static const char format[] = "%hx";
#endif
SEC("xdp") int prog(struct xdp_md *ctx) {
  char text[16] = {};
  __u64 args[1] = {ctx->rx_queue_index};
  bpf_snprintf(text, sizeof(text), format, args, sizeof(args));
  return text[0] & 1;
}

// $ jitnic verify format-string.c
// prog: rejected (13 instructions checked, 0 states saved)
//
// format-string.c:11: Invalid format string
//         bpf_snprintf(text, sizeof(text), format, args, sizeof(args));
//     13: (85) call bpf_snprintf#165
// known: R1=fp-16, R2=16, R3=map_value(map=format_s.rodata,ks=4,vs=4), R4=fp-24, R5=8
// what led here:
//      5: (bf) r1 = r10                                    ; __u64 args[1] = {ctx->rx_queue_index}; @ format-string.c:10
//      6: (07) r1 += -16                                   ; __u64 args[1] = {ctx->rx_queue_index}; @ format-string.c:10
//      7: (bf) r4 = r10                                    ; __u64 args[1] = {ctx->rx_queue_index}; @ format-string.c:10
//      8: (07) r4 += -24                                   ; __u64 args[1] = {ctx->rx_queue_index}; @ format-string.c:10
//      9: (b4) w2 = 16                                     ; bpf_snprintf(text, sizeof(text), format, args, sizeof(args)); @ format-string.c:11
//     10: (18) r3 = map[format_s.rodata][0]+0              ; bpf_snprintf(text, sizeof(text), format, args, sizeof(args)); @ format-string.c:11
//     12: (b4) w5 = 8                                      ; bpf_snprintf(text, sizeof(text), format, args, sizeof(args)); @ format-string.c:11
// hint: bpf_snprintf knows %d %i %u %x %X (with l or ll), %c, %s, %p and its kinds, with a width, and needs an argument for each

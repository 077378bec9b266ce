// Bytes behind a header of variable length: what was compared with data_end is another pointer than the one that is read.
#include "verify.h"
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} ring SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 34 > end) return XDP_PASS;
  unsigned header = (data[14] & 15) * 4;
  unsigned char *tcp = data + 14 + header;
  if (tcp + 20 > end) return XDP_PASS;
  unsigned length = (tcp[12] >> 4) * 4;
  if (length < 20 || length > 32 || tcp + length > end) return XDP_PASS;
  unsigned char *copy = bpf_ringbuf_reserve(&ring, 32, 0);
  if (!copy) return XDP_PASS;
  for (unsigned i = 0; i < length; i++) {
    unsigned char *at = tcp + i;
#ifdef MENDED
    asm volatile("" : "+r"(at));
    if (at + 1 > end) break;
#endif
    copy[i] = *at;
  }
  bpf_ringbuf_submit(copy, 0);
  return XDP_PASS;
}

// $ jitnic verify packet-access.variable.c
// prog: rejected (221 instructions checked, 6 states saved)
//
// packet-access.variable.c:23: invalid access to packet, off=34 size=1, R3(id=1,off=34,r=34); R3 offset is outside of the packet
//         copy[i] = *at;
//     33: (71) r3 = *(u8 *)(r3 +0)
// known: R3=pkt(id=1,off=34,r=34,smin=smin32=0,smax=umax=smax32=umax32=60,var_off=(0x0; 0x3c))
// what led here:
//     35: (07) r1 += 1                                     ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     36: (ad) if r1 < r7 goto pc-8  (tested)              ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     35: (07) r1 += 1                                     ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     36: (ad) if r1 < r7 goto pc-8  (tested)              ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     35: (07) r1 += 1                                     ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     36: (ad) if r1 < r7 goto pc-8  (tested)              ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     35: (07) r1 += 1                                     ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     36: (ad) if r1 < r7 goto pc-8  (tested)              ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     35: (07) r1 += 1                                     ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     36: (ad) if r1 < r7 goto pc-8  (tested)              ; for (unsigned i = 0; i < length; i++) { @ packet-access.variable.c:17
//     31: (bf) r3 = r6                                     ; unsigned char *at = tcp + i; @ packet-access.variable.c:18
//     32: (0f) r3 += r1                                    ; unsigned char *at = tcp + i; @ packet-access.variable.c:18
// hint: compare the very pointer that is read, plus 1, with data_end right before: with a variable part in it, what other pointers were compared says nothing of this one (asm volatile("" : "+r"(pointer)) before keeps the compiler from dropping the comparison)

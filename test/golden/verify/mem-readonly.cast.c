// Nor through one that was cast to no type.
#include "cast.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  volatile long *place = bpf_rdonly_cast(&value, 0);
  *place = 1;
  return XDP_PASS;
}

// $ jitnic verify mem-readonly.cast.c
// prog: rejected (5 instructions checked, 0 states saved)
//
// mem-readonly.cast.c:5: R0 cannot write into rdonly_untrusted_mem
//         *place = 1;
//      5: (7b) *(u64 *)(r0 +0) = r1
// known: R0=rdonly_untrusted_mem(sz=0), R1=1
// what led here:
//      3: (85) call bpf_rdonly_cast#0                      ; volatile long *place = bpf_rdonly_cast(&value, 0); @ mem-readonly.cast.c:4
//      4: (b7) r1 = 1                                      ; volatile long *place = bpf_rdonly_cast(&value, 0); @ mem-readonly.cast.c:4

// No kernel has so many types.
#include "cast.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  long *place = bpf_rdonly_cast(&value, 0x7fffffff);
  return place ? XDP_PASS : XDP_DROP;
}

// $ jitnic verify cast-unknown.c
// prog: rejected (3 instructions checked, 0 states saved)
//
// cast-unknown.c:4: Unknown type ID 2147483647 passed to kfunc bpf_rdonly_cast
//         long *place = bpf_rdonly_cast(&value, 0x7fffffff);
//      3: (85) call bpf_rdonly_cast#0
// what led here:
//      0: (18) r1 = map[cast_unk.bss][0]+0                 ; long *place = bpf_rdonly_cast(&value, 0x7fffffff); @ cast-unknown.c:4
//      2: (b4) w2 = 2147483647                             ; long *place = bpf_rdonly_cast(&value, 0x7fffffff); @ cast-unknown.c:4

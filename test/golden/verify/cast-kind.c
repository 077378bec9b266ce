// A type that is no structure.
#include "cast.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  long *place = bpf_rdonly_cast(&value, 1);
  return place ? XDP_PASS : XDP_DROP;
}

// $ jitnic verify cast-kind.c
// prog: rejected (4 instructions checked, 0 states saved)
//
// cast-kind.c:4: kfunc bpf_rdonly_cast type ID argument must be of a struct or void
//         long *place = bpf_rdonly_cast(&value, 1);
//      4: (85) call bpf_rdonly_cast#0
// what led here:
//      1: (18) r1 = map[cast_kin.bss][0]+0                 ; long *place = bpf_rdonly_cast(&value, 1); @ cast-kind.c:4
//      3: (b4) w2 = 1                                      ; long *place = bpf_rdonly_cast(&value, 1); @ cast-kind.c:4

// A callback that is a global function.
#include "verify.h"
__attribute__((noinline)) long visit(unsigned index, void *data) { return 0; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_loop(4, visit, 0, 0);
  return XDP_PASS;
}

// $ jitnic verify callback-not-static.c
// prog: rejected (2 instructions checked, 0 states saved)
//
// callback-not-static.c:5: callback function not static
//         bpf_loop(4, visit, 0, 0);
//      1: (18) r2 = subprog[visit]

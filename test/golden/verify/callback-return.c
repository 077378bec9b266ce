// A callback that returns neither 0 nor 1.
#include "verify.h"
static long visit(unsigned index, void *data) { return index; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_loop(4, visit, 0, 0);
  return XDP_PASS;
}

// $ jitnic verify callback-return.c
// prog: rejected (9 instructions checked, 1 states saved)
//
// callback-return.c:3: At callback return the register R0 has smin=0 smax=4294967295 should have been in [0, 1]
//         static long visit(unsigned index, void *data) { return index; }
//      9: (95) exit
// known: R0=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
// what led here:
//      5: (85) call bpf_loop#181                           ; bpf_loop(4, visit, 0, 0); @ callback-return.c:5
//      8: (bc) w0 = w1                                     ; static long visit(unsigned index, void *data) { return index; } @ callback-return.c:3
// hint: a bpf_loop or bpf_for_each_map_elem callback returns 0 to go on or 1 to stop

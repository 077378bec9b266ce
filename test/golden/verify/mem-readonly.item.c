// What an iterator gives can only be read.
#include "iterators.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 5);
  int *next = bpf_iter_num_next(&it);
  if (next) *next = 3;
  bpf_iter_num_destroy(&it);
  return XDP_PASS;
}

// $ jitnic verify mem-readonly.item.c
// prog: rejected (17 instructions checked, 1 states saved)
//
// mem-readonly.item.c:7: R0 cannot write into rdonly_mem
//         if (next) *next = 3;
//     10: (63) *(u32 *)(r0 +0) = r1
// known: R0=rdonly_mem(ref_obj_id=1,sz=4), R1=3
// what led here:
//      7: (85) call bpf_iter_num_next#1                    ; int *next = bpf_iter_num_next(&it); @ mem-readonly.item.c:6
//      8: (15) if r0 == 0x0 goto pc+2  (tested)            ; if (next) *next = 3; @ mem-readonly.item.c:7
//      9: (b4) w1 = 3                                      ; if (next) *next = 3; @ mem-readonly.item.c:7

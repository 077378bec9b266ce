// An iterator that is not destroyed.
#include "iterators.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 5);
#ifdef MENDED
  bpf_iter_num_destroy(&it);
#endif
  return XDP_PASS;
}

// $ jitnic verify unreleased-reference.iterator.c
// prog: rejected (7 instructions checked, 0 states saved)
//
// unreleased-reference.iterator.c:9: Unreleased reference id=1 alloc_insn=4; BPF_EXIT instruction in main prog would lead to reference leak
//         return XDP_PASS;
//      6: (95) exit
// what led here:
//      4: (85) call bpf_iter_num_new#0                     ; bpf_iter_num_new(&it, 0, 5); @ unreleased-reference.iterator.c:5
// hint: release what insn 4 acquired on every path to exit

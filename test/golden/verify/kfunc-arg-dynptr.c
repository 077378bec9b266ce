// A dynptr that does not lie on the stack.
#include "dynptrs.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  return bpf_dynptr_size((void *)ctx);
}

// $ jitnic verify kfunc-arg-dynptr.c
// prog: rejected (1 instructions checked, 0 states saved)
//
// kfunc-arg-dynptr.c:4: arg#0 expected pointer to stack or const struct bpf_dynptr
//         return bpf_dynptr_size((void *)ctx);
//      0: (85) call bpf_dynptr_size#0
// known: R1=ctx()
// hint: a dynptr is a variable `struct bpf_dynptr` on the stack; give its address

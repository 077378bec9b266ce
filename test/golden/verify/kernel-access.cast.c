// Half of a pointer.
#include "cast.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct list_head *list = bpf_rdonly_cast(&value, bpf_core_type_id_kernel(struct list_head));
  return *(volatile int *)((char *)list + 4) ? XDP_PASS : XDP_DROP;
}

// $ jitnic verify kernel-access.cast.c
// prog: rejected (4 instructions checked, 0 states saved)
//
// kernel-access.cast.c:5: cannot access ptr member next with moff 0 in struct list_head with off 4 size 4
//         return *(volatile int *)((char *)list + 4) ? XDP_PASS : XDP_DROP;
//      5: (61) r1 = *(u32 *)(r0 +4)
// known: R0=untrusted_ptr_list_head()
// what led here:
//      4: (85) call bpf_rdonly_cast#0                      ; struct list_head *list = bpf_rdonly_cast(&value, bpf_core_type_id_kernel(struct list_head)); @ kernel-access.cast.c:4

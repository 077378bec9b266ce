// Nothing is written through a pointer that was cast.
#include "cast.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  struct list_head *list = bpf_rdonly_cast(&value, bpf_core_type_id_kernel(struct list_head));
  *(volatile long *)list = 1;
  return XDP_PASS;
}

// $ jitnic verify kernel-write.c
// prog: rejected (5 instructions checked, 0 states saved)
//
// kernel-write.c:5: only read is supported
//         *(volatile long *)list = 1;
//      6: (7b) *(u64 *)(r0 +0) = r1
// known: R0=untrusted_ptr_list_head(), R1=1
// what led here:
//      4: (85) call bpf_rdonly_cast#0                      ; struct list_head *list = bpf_rdonly_cast(&value, bpf_core_type_id_kernel(struct list_head)); @ kernel-write.c:4
//      5: (b7) r1 = 1                                      ; struct list_head *list = bpf_rdonly_cast(&value, bpf_core_type_id_kernel(struct list_head)); @ kernel-write.c:4

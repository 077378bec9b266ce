// A function of the kernel.
#include "verify.h"
extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms")));
extern void bpf_rcu_read_unlock(void) __attribute__((section(".ksyms")));
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_rcu_read_lock();
  bpf_rcu_read_unlock();
  return XDP_PASS;
}

// $ jitnic verify kfunc-unsupported.c
// prog: rejected (1 instructions checked, 0 states saved)
//
// kfunc-unsupported.c:6: calling kernel function bpf_rcu_read_lock is not allowed
//         bpf_rcu_read_lock();
//      0: (85) call bpf_rcu_read_lock#0
// known: R1=ctx()

// The address of a function that is never called back.
#include "verify.h"
static __attribute__((noinline)) int port(struct xdp_md *ctx) { return ctx->ingress_ifindex; }
static long visit(unsigned index, void *data) { return 0; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  int verdict = port(ctx);
  bpf_loop(0, visit, 0, 0);
  return verdict;
}

// $ jitnic verify dead-callback.c
// prog: rejected (11 instructions checked, 1 states saved)
//
// dead-callback.c:7: verifier bug: No program to jit at insn 3 (subprog < 0)
//         bpf_loop(0, visit, 0, 0);
//      3: (18) r2 = subprog[visit]
// hint: Linux cannot load a program that takes the address of a function which is never called back: remove the call

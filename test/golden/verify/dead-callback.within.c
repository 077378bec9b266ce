// Two functions in a row that are never called back: the second one's address leads nowhere.
#include "verify.h"
static long first(unsigned index, void *data) { return 0; }
static long second(unsigned index, void *data) { return index & 1; }
static __attribute__((noinline)) int port(struct xdp_md *ctx) { return ctx->ingress_ifindex; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_loop(0, first, 0, 0);
  bpf_loop(0, second, 0, 0);
  return port(ctx);
}

// $ jitnic verify dead-callback.within.c
// prog: rejected (16 instructions checked, 2 states saved)
//
// dead-callback.within.c:8: verifier bug: No program to jit at insn 8 (subprog < 0)
//         bpf_loop(0, second, 0, 0);
//      8: (18) r2 = subprog[second]
// hint: Linux cannot load a program that takes the address of a function which is never called back: remove the call

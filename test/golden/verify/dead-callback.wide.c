// The last function is never called back; it holds a 64-bit constant.
#include "verify.h"
static long visit(unsigned index, void *data) { return ((index * 0x123456789abcdefUL) >> 63) & 1; }
static __attribute__((noinline)) int port(struct xdp_md *ctx) { return ctx->ingress_ifindex; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  int verdict = port(ctx);
  bpf_loop(0, visit, 0, 0);
  return verdict;
}

// $ jitnic verify dead-callback.wide.c
// prog: rejected (11 instructions checked, 1 states saved)
//
// dead-callback.wide.c:7: verifier bug: No program to jit at insn 3 (subprog < 0)
//         bpf_loop(0, visit, 0, 0);
//      3: (18) r2 = subprog[visit]
// hint: Linux cannot load a program that takes the address of a function which is never called back: remove the call

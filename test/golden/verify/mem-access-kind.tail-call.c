// A global function that makes a tail call: what is called may have moved the packet.
#include "verify.h"
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __type(key, int); __type(value, int); __uint(max_entries, 4); } next SEC(".maps");
__attribute__((noinline)) int leave(struct xdp_md *ctx) {
  bpf_tail_call(ctx, &next, 0);
  return 0;
}
SEC("xdp") int prog(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 14 > end) return XDP_PASS;
  leave(ctx);
  return data[12];
}

// $ jitnic verify mem-access-kind.tail-call.c
// prog: rejected (8 instructions checked, 1 states saved)
//
// mem-access-kind.tail-call.c:12: R6 invalid mem access 'scalar'
//         return data[12];
//      7: (71) r0 = *(u8 *)(r6 +12)
// known: R6=scalar()
// what led here:
//      2: (61) r6 = *(u32 *)(r1 +0)                        ; unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end; @ mem-access-kind.tail-call.c:9
// hint: insn 6 (call pc+2#leave) may have moved the packet: load data and data_end from the context anew behind it, and compare again

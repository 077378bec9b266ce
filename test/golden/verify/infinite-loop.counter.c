// The loop counter is the key whose address a helper gets: it lies in half a stack slot, and Linux forgets it.
#include "verify.h"
struct rule {
  __u32 on, action;
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 200);
  __type(key, __u32);
  __type(value, struct rule);
} rules SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  for (__u32 i = 0; i < 80; i++) {
#ifdef MENDED
    __u32 key = i;
#else
#define key i
#endif
    struct rule *rule = bpf_map_lookup_elem(&rules, &key);
    if (!rule || !rule->on) continue;
    return rule->action == 1 ? XDP_DROP : XDP_PASS;
  }
  return XDP_PASS;
}

// $ jitnic verify infinite-loop.counter.c
// prog: rejected (49 instructions checked, 4 states saved)
//
// infinite-loop.counter.c:20: infinite loop detected at insn 16
//         if (!rule || !rule->on) continue;
//     16: (16) if w1 == 0x0 goto pc-14
// known: R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
// what led here:
//     13: (85) call bpf_map_lookup_elem#1                  ; struct rule *rule = bpf_map_lookup_elem(&rules, &key); @ infinite-loop.counter.c:19
// hint: insn 7 tests what lies on the stack at fp-4, in the upper half of an 8-byte slot, where Linux keeps no numbers: count in a variable whose address is not taken, and give the helper a copy of it

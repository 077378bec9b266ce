// A callback that returns an address.
#include "verify.h"
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, int); __type(value, long); __uint(max_entries, 4); } hash SEC(".maps");
static long visit(void *map, void *key, void *value, void *data) { return (long)value; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_for_each_map_elem(&hash, visit, 0, 0);
  return XDP_PASS;
}

// $ jitnic verify callback-scalar.c
// prog: rejected (9 instructions checked, 1 states saved)
//
// callback-scalar.c:4: R0 not a scalar value
//         static long visit(void *map, void *key, void *value, void *data) { return (long)value; }
//     10: (95) exit
// known: R0=map_value(map=hash,ks=4,vs=8)
// what led here:
//      6: (85) call bpf_for_each_map_elem#164              ; bpf_for_each_map_elem(&hash, visit, 0, 0); @ callback-scalar.c:6
//      9: (bf) r0 = r3                                     ; static long visit(void *map, void *key, void *value, void *data) { return (long)value; } @ callback-scalar.c:4

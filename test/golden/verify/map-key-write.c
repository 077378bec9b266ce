// A callback gets its key to read only.
#include "verify.h"
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, int); __type(value, long); __uint(max_entries, 4); } hash SEC(".maps");
static long each(void *map, int *key, long *value, void *data) {
  *key = 1;
  return 0;
}
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_for_each_map_elem(&hash, each, 0, 0);
  return XDP_PASS;
}

// $ jitnic verify map-key-write.c
// prog: rejected (9 instructions checked, 1 states saved)
//
// map-key-write.c:5: write to change key R2 not allowed
//         *key = 1;
//     10: (63) *(u32 *)(r2 +0) = r1
// known: R1=1, R2=map_key(map=hash,ks=4,vs=8)
// what led here:
//      6: (85) call bpf_for_each_map_elem#164              ; bpf_for_each_map_elem(&hash, each, 0, 0); @ map-key-write.c:9
//      9: (b4) w1 = 1                                      ; static long each(void *map, int *key, long *value, void *data) { @ map-key-write.c:4

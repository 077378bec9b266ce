// A map that cannot be walked.
#include "verify.h"
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __type(value, long); __uint(max_entries, 4); } queue SEC(".maps");
static long visit(void *map, void *key, void *value, void *data) { return 0; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  bpf_for_each_map_elem(&queue, visit, 0, 0);
  return XDP_PASS;
}

// $ jitnic verify callback-map.c
// prog: rejected (5 instructions checked, 1 states saved)
//
// callback-map.c:6: callback function not allowed for map
//         bpf_for_each_map_elem(&queue, visit, 0, 0);
//      6: (85) call bpf_for_each_map_elem#164
// known: R1=map_ptr(map=queue,ks=0,vs=8), R2=func(), R3=0, R4=0
// what led here:
//      0: (18) r1 = map[queue]                             ; bpf_for_each_map_elem(&queue, visit, 0, 0); @ callback-map.c:6
//      2: (18) r2 = subprog[visit]                         ; bpf_for_each_map_elem(&queue, visit, 0, 0); @ callback-map.c:6
//      4: (b7) r3 = 0                                      ; bpf_for_each_map_elem(&queue, visit, 0, 0); @ callback-map.c:6
//      5: (b7) r4 = 0                                      ; bpf_for_each_map_elem(&queue, visit, 0, 0); @ callback-map.c:6

// A timer's callback that returns an address.
#include "verify.h"
struct element { struct bpf_timer timer; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 1); } timers SEC(".maps");
static long expired(void *map, int *key, struct element *element) { return (long)key; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&timers, &key);
  if (!element) return XDP_PASS;
  bpf_timer_init(&element->timer, &timers, 1);
  bpf_timer_set_callback(&element->timer, (void *)expired);
  return XDP_DROP;
}

// $ jitnic verify async-scalar.c
// prog: rejected (20 instructions checked, 1 states saved)
//
// async-scalar.c:5: At async callback return the register R0 is not a known value (map_key)
//         static long expired(void *map, int *key, struct element *element) { return (long)key; }
//     22: (95) exit
// known: R0=map_key(map=timers,ks=4,vs=16)
// what led here:
//     18: (85) call bpf_timer_set_callback#170             ; bpf_timer_set_callback(&element->timer, (void *)expired); @ async-scalar.c:11
//     21: (bf) r0 = r2                                     ; static long expired(void *map, int *key, struct element *element) { return (long)key; } @ async-scalar.c:5
// hint: the callback of a timer returns 0

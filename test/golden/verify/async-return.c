// A timer's callback that returns something else than 0.
#include "verify.h"
struct element { struct bpf_timer timer; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, struct element); __uint(max_entries, 1); } timers SEC(".maps");
static int expired(void *map, int *key, struct element *element) { return 1; }
SEC("xdp") int prog(struct xdp_md *ctx) {
  int key = 0;
  struct element *element = bpf_map_lookup_elem(&timers, &key);
  if (!element) return XDP_PASS;
  bpf_timer_init(&element->timer, &timers, 1);
  bpf_timer_set_callback(&element->timer, (void *)expired);
  return XDP_DROP;
}

// $ jitnic verify async-return.c
// prog: rejected (20 instructions checked, 1 states saved)
//
// async-return.c:5: At async callback return the register R0 has smin=1 smax=1 should have been in [0, 0]
//         static int expired(void *map, int *key, struct element *element) { return 1; }
//     22: (95) exit
// known: R0=1
// what led here:
//     21: (b4) w0 = 1                                      ; static int expired(void *map, int *key, struct element *element) { return 1; } @ async-return.c:5
// hint: the callback of a timer returns 0

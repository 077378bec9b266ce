// An LPM trie that is not told to allocate its nodes as they come.
#include "verify.h"
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 16);
  __uint(key_size, 8);
  __uint(value_size, 4);
#ifdef MENDED
  __uint(map_flags, BPF_F_NO_PREALLOC);
#endif
} routes SEC(".maps");
SEC("xdp") int prog(struct xdp_md *ctx) {
  __u64 key = 32;
  return bpf_map_lookup_elem(&routes, &key) ? XDP_DROP : XDP_PASS;
}

// $ jitnic verify map-refused.c
// prog: rejected (0 instructions checked, 0 states saved)
//
// map 'routes': failed to create: EINVAL: an LPM trie needs BPF_F_NO_PREALLOC: __uint(map_flags, BPF_F_NO_PREALLOC)
// hint: Linux does not create this map, so no program of the file is loaded

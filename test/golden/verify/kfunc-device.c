// The driver's metadata, in a program that is loaded for no device.
#include "dynptrs.h"
SEC("xdp") int prog(struct xdp_md *ctx) {
  __u64 timestamp = 0;
  return bpf_xdp_metadata_rx_timestamp(ctx, &timestamp) ? XDP_PASS : XDP_DROP;
}

// $ jitnic verify kfunc-device.c
// prog: rejected (0 instructions checked, 0 states saved)
//
// kfunc-device.c:5: metadata kfuncs require device-bound program
//         return bpf_xdp_metadata_rx_timestamp(ctx, &timestamp) ? XDP_PASS : XDP_DROP;
//      4: (85) call bpf_xdp_metadata_rx_timestamp#0
// hint: loaded for a device (BPF_F_XDP_DEV_BOUND_ONLY; here `--dev-bound`) it may; programs of program arrays, cpumaps and devmaps can not be

// SPDX-License-Identifier: MIT
/* Bytes of each TCP flow; packets of flows past a limit are dropped. */
#include "headers.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, __u64);
} flows SEC(".maps");

SEC("xdp")
int heavy_hitter(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_of(ctx);
	struct tcphdr *tcp;
	struct flow flow;
	__u64 len, *bytes;

	if (!ip || !(tcp = tcp_of(ctx, ip)))
		return XDP_PASS;
	flow = flow_of(ip, tcp);
	len = ctx->data_end - ctx->data;
	bytes = bpf_map_lookup_elem(&flows, &flow);
	if (!bytes) {
		bpf_map_update_elem(&flows, &flow, &len, BPF_ANY);
		return XDP_PASS;
	}
	*bytes += len;
	return *bytes > 1000000 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

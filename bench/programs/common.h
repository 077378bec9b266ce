/* SPDX-License-Identifier: MIT */
/* What the programs of the speed suite share. */
#ifndef COMMON_H
#define COMMON_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* struct ethhdr is packed, which would make byte loads of its type. */
struct ethernet {
	__u8 dst[ETH_ALEN];
	__u8 src[ETH_ALEN];
	__be16 type;
};

struct frame {
	struct ethernet eth;
	struct iphdr ip;
} __attribute__((packed, aligned(2)));

#define FRAME(ctx, size)                                        \
	void *data = (void *)(long)(ctx)->data;                 \
	void *data_end = (void *)(long)(ctx)->data_end;         \
	if (data + (size) > data_end)                           \
		return XDP_PASS

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#endif

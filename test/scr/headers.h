/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* The IPv4 header behind an Ethernet header, NULL if there is none or the packet is cut short. */
static __always_inline struct iphdr *ipv4_of(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return NULL;
	return ip;
}

/* The TCP header behind an IPv4 header without options. */
static __always_inline struct tcphdr *tcp_of(struct xdp_md *ctx, struct iphdr *ip)
{
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end || ip->protocol != IPPROTO_TCP)
		return NULL;
	return tcp;
}

struct flow {
	__be32 saddr, daddr;
	__be16 sport, dport;
	__u32 proto;
};

static __always_inline struct flow flow_of(struct iphdr *ip, struct tcphdr *tcp)
{
	return (struct flow){ ip->saddr, ip->daddr, tcp->source, tcp->dest, IPPROTO_TCP };
}

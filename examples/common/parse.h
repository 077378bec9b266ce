/* SPDX-License-Identifier: MIT */
/*
 * Parsing with a cursor.
 *
 * A cursor is the part of the packet that has not been looked at yet. `take` hands out the next bytes and moves on, or
 * returns NULL when the packet is too short; it holds the one bounds check that the verifier wants to see before an
 * access, so nobody who uses it writes `data_end` again.
 *
 * IPv4 addresses are kept as IPv4-mapped IPv6 addresses (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2): one key type, one
 * table and one code path serve both versions.
 *
 * Everything here is inlined into its caller. Pointers into the packet may live in structs as long as the compiler can
 * keep those structs in registers or spill them whole, which it does for the ones below.
 */
#ifndef EXAMPLES_PARSE_H
#define EXAMPLES_PARSE_H

/* linux/icmp.h takes a constant from linux/if.h, which includes the C library, of which there is no bpf flavour. */
#define _LINUX_IF_H
#define IFNAMSIZ 16

#include <stddef.h>

#include <linux/bpf.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

#define MAX_VLAN_TAGS 2
#define MAX_EXTENSION_HEADERS 4

#define IPV4_DF 0x4000
#define IPV4_MF 0x2000
#define IPV4_OFFSET 0x1fff

struct cursor {
	void *pos;
	void *end;
};

static __always_inline struct cursor cursor_of(struct xdp_md *ctx)
{
	return (struct cursor){ (void *)(long)ctx->data, (void *)(long)ctx->data_end };
}

/* The next `bytes` of the packet, or NULL if there are fewer. `bytes` has a small known upper bound. */
static __always_inline void *take(struct cursor *c, __u32 bytes)
{
	void *at = c->pos;

	if (at + bytes > c->end)
		return NULL;
	c->pos = at + bytes;
	return at;
}

/* The next header of the given type, or NULL. */
#define TAKE(cursor, type) ((type *)take(cursor, sizeof(type)))

/* 802.1Q tag, as it stands between the addresses and the EtherType. */
struct vlan_tag {
	__be16 tci;
	__be16 encapsulated_proto;
};

/* `w` in network order; word 0 comes first on the wire. */
struct addr {
	__be32 w[4];
};

static __always_inline struct addr addr_of_v4(__be32 v4)
{
	return (struct addr){ { 0, 0, bpf_htonl(0xffff), v4 } };
}

static __always_inline struct addr addr_of_v6(const struct in6_addr *v6)
{
	struct addr a;

	__builtin_memcpy(&a, v6, sizeof(a));
	return a;
}

static __always_inline int addr_equal(const struct addr *a, const struct addr *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

/*
 * The Ethernet header and up to MAX_VLAN_TAGS tags. `*proto` becomes the EtherType behind the tags. NULL if the packet
 * ends inside them.
 */
static __always_inline struct ethhdr *take_ethernet(struct cursor *c, __be16 *proto)
{
	struct ethhdr *eth = TAKE(c, struct ethhdr);
	__be16 type;

	if (!eth)
		return NULL;
	type = eth->h_proto;

#pragma unroll
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct vlan_tag *tag;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		tag = TAKE(c, struct vlan_tag);
		if (!tag)
			return NULL;
		type = tag->encapsulated_proto;
	}
	*proto = type;
	return eth;
}

/* The IPv4 header with its options; NULL if it is cut short or contradicts itself. */
static __always_inline struct iphdr *take_ipv4(struct cursor *c)
{
	struct iphdr *ip = TAKE(c, struct iphdr);
	void *behind;

	if (!ip || ip->version != 4 || ip->ihl < 5 || bpf_ntohs(ip->tot_len) < ip->ihl * 4)
		return NULL;
	/* From the start of the header: the length of the options alone is a difference, whose bounds the verifier loses. */
	behind = (void *)ip + ip->ihl * 4;
	if (behind > c->end)
		return NULL;
	c->pos = behind;
	return ip;
}

static __always_inline struct ipv6hdr *take_ipv6(struct cursor *c)
{
	struct ipv6hdr *ip6 = TAKE(c, struct ipv6hdr);

	return ip6 && ip6->version == 6 ? ip6 : NULL;
}

enum fragment {
	NOT_FRAGMENTED,
	FIRST_FRAGMENT, /* starts with the transport header */
	LATER_FRAGMENT, /* does not */
};

/* What the two IP versions have in common, once options and extension headers have been walked. */
struct ip_info {
	struct addr src;
	struct addr dst;
	__u32 id; /* of the fragments of one packet */
	__u32 len; /* of the IP packet in bytes, headers included; the frame may be padded beyond it */
	__u8 version;
	__u8 proto; /* transport protocol */
	__u8 fragment;
	__u8 ttl;
};

static __always_inline enum fragment fragment_of(__u32 offset, __u32 more)
{
	if (offset)
		return LATER_FRAGMENT;
	return more ? FIRST_FRAGMENT : NOT_FRAGMENTED;
}

struct extension_header {
	__u8 next;
	__u8 len; /* in units of 8 bytes, the first 8 not counted */
	__be16 frag_off; /* of a fragment header: offset in bits 3 to 15, more-fragments in bit 0 */
	__be32 id; /* of a fragment header */
};

/* Walks the IPv6 extension headers (RFC 8200 section 4). -1 if there are too many or one is cut short. */
static __always_inline int take_extension_headers(struct cursor *c, struct ip_info *info)
{
	for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
		struct extension_header *ext;
		__u16 frag_off;

		switch (info->proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			ext = TAKE(c, struct extension_header);
			if (!ext || !take(c, ext->len * 8))
				return -1;
			info->proto = ext->next;
			break;
		case IPPROTO_FRAGMENT:
			ext = TAKE(c, struct extension_header);
			if (!ext)
				return -1;
			frag_off = bpf_ntohs(ext->frag_off);
			info->fragment = fragment_of(frag_off & 0xfff8, frag_off & 1);
			info->id = ext->id;
			info->proto = ext->next;
			if (info->fragment == LATER_FRAGMENT)
				return 0;
			break;
		default:
			return 0;
		}
	}
	return -1;
}

enum ip_result {
	IP_OK,
	IP_OTHER, /* neither IPv4 nor IPv6 */
	IP_MALFORMED,
};

/* The IP header of either version, by the EtherType. Behind it the cursor stands at the transport header. */
static __always_inline enum ip_result take_ip(struct cursor *c, __be16 proto, struct ip_info *info)
{
	__u64 available = c->end - c->pos;

	if (proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = take_ipv4(c);
		__u16 frag_off;

		if (!ip)
			return IP_MALFORMED;
		frag_off = bpf_ntohs(ip->frag_off);
		info->src = addr_of_v4(ip->saddr);
		info->dst = addr_of_v4(ip->daddr);
		info->version = 4;
		info->proto = ip->protocol;
		info->fragment = fragment_of(frag_off & IPV4_OFFSET, frag_off & IPV4_MF);
		info->id = ip->id;
		info->len = bpf_ntohs(ip->tot_len);
		info->ttl = ip->ttl;
		return info->len <= available ? IP_OK : IP_MALFORMED;
	}
	if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = take_ipv6(c);

		if (!ip6)
			return IP_MALFORMED;
		info->src = addr_of_v6(&ip6->saddr);
		info->dst = addr_of_v6(&ip6->daddr);
		info->version = 6;
		info->proto = ip6->nexthdr;
		info->fragment = NOT_FRAGMENTED;
		info->id = 0;
		info->len = sizeof(*ip6) + bpf_ntohs(ip6->payload_len);
		info->ttl = ip6->hop_limit;
		if (info->len > available)
			return IP_MALFORMED;
		return take_extension_headers(c, info) ? IP_MALFORMED : IP_OK;
	}
	return IP_OTHER;
}

/* The first four bytes of TCP, UDP, SCTP and DCCP alike. */
struct ports {
	__be16 src;
	__be16 dst;
};

/* Byte 13 of the TCP header, which linux/tcp.h has only as bit fields. */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20

static __always_inline __u8 tcp_flags(const struct tcphdr *tcp)
{
	return ((const __u8 *)tcp)[13];
}

static __always_inline void swap_macs(struct ethhdr *eth)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
}

#endif

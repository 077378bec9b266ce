// SPDX-License-Identifier: MIT
/* Every kind of CO-RE relocation, for comparison with libbpf. Does nothing sensible. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net_device {
	int ifindex;
	unsigned int mtu;
	char name[16];
};

struct sk_buff {
	unsigned int len;
	__u16 protocol;
	__u8 pkt_type : 3;
	__u8 ip_summed : 2;
	__u32 hash;
	struct net_device *dev;
};

struct sk_buff___other {
	int no_such_member;
};

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *parent;
	long state;
};

struct task_struct___new {
	unsigned int __state;
};

struct no_such_struct {
	int a;
	long b;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__u32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	union {
		__u64 skc_addrpair;
		struct {
			__u32 skc_daddr;
			__u32 skc_rcv_saddr;
		};
	};
	unsigned short skc_family;
};

struct sock {
	struct sock_common __sk_common;
	__u32 sk_mark;
};

/* An unsigned long in the kernel. */
struct page {
	unsigned int flags;
};

#pragma clang attribute pop

enum bpf_map_type___mine {
	BPF_MAP_TYPE_HASH___mine = 77,
	BPF_MAP_TYPE_NONE___mine = 99,
};

typedef struct {
	int counter;
} atomic_t;

long out[64] = { 1 };

SEC("xdp") int fields(struct xdp_md *ctx)
{
	struct sk_buff *skb = (void *)out;
	struct task_struct *task = (void *)out;
	struct sock *sk = (void *)out;
	struct no_such_struct *none = (void *)out;
	int i = 0;

	out[i++] = bpf_core_field_offset(skb->dev);
	out[i++] = bpf_core_field_size(skb->protocol);
	out[i++] = bpf_core_field_exists(skb->hash);
	out[i++] = bpf_core_field_exists(((struct sk_buff___other *)skb)->no_such_member);
	out[i++] = bpf_core_field_offset(task->comm[3]);
	out[i++] = bpf_core_field_offset(task->parent->comm);
	if (bpf_core_field_exists(task->state))
		out[i++] = BPF_CORE_READ(task, state);
	else
		out[i++] = BPF_CORE_READ((struct task_struct___new *)task, __state);
	out[i++] = BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);
	out[i++] = BPF_CORE_READ_BITFIELD(skb, ip_summed);
	out[i++] = sk->__sk_common.skc_daddr;
	out[i++] = sk->__sk_common.skc_family;
	out[i++] = ((struct page *)sk)->flags;
	out[i++] = ((struct in6_addr *)sk)->in6_u.u6_addr32[2];
	if (bpf_core_type_exists(struct no_such_struct))
		out[i++] = none->b;
	out[i++] = task[2].pid;
	sk->sk_mark = 7;
	task->tgid = out[3];
	return 2;
}

SEC("xdp") int types(struct xdp_md *ctx)
{
	int i = 0;

	out[i++] = bpf_core_type_exists(struct no_such_struct);
	out[i++] = bpf_core_type_exists(atomic_t);
	out[i++] = bpf_core_type_size(struct task_struct);
	out[i++] = bpf_core_type_size(struct no_such_struct);
	out[i++] = bpf_core_type_id_local(struct task_struct);
	out[i++] = bpf_core_type_id_kernel(struct in6_addr);
#if __clang_major__ >= 15
	out[i++] = bpf_core_type_matches(struct in6_addr);
	out[i++] = bpf_core_type_matches(struct task_struct);
#endif
	out[i++] = bpf_core_enum_value_exists(enum bpf_map_type___mine, BPF_MAP_TYPE_HASH___mine);
	out[i++] = bpf_core_enum_value(enum bpf_map_type___mine, BPF_MAP_TYPE_HASH___mine);
	out[i++] = bpf_core_enum_value_exists(enum bpf_map_type___mine, BPF_MAP_TYPE_NONE___mine);
	if (bpf_core_enum_value_exists(enum bpf_map_type___mine, BPF_MAP_TYPE_NONE___mine))
		out[i++] = bpf_core_enum_value(enum bpf_map_type___mine, BPF_MAP_TYPE_NONE___mine);
	return 2;
}

char _license[] SEC("license") = "GPL";

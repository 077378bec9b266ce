// What each kernel function of connection tracking answers, written down in `answers`, for the running kernel and for
// jitnic's machines. Addresses are random: the kernel's table outlives the program.
#include "../golden/verify/conntrack.h"

union nf_inet_addr {
  __u32 all[4];
};
enum nf_nat_manip_type { SOURCE, DESTINATION };
extern int bpf_ct_set_nat_info(struct nf_conn___init *, union nf_inet_addr *, int, enum nf_nat_manip_type) __ksym;

int answers[64];
static volatile int at;

#define note(value) answers[at++ & 63] = (value)
#define word(ct, offset) (*(volatile __u32 *)((char *)(ct) + (offset)))
#define half(ct, offset) (*(volatile __u16 *)((char *)(ct) + (offset)))
enum { timeout = 8, zone = 12, tuples = 32, reply = 88, status = 128, mark = 168 };

struct ask {
  struct bpf_sock_tuple tuple;
  struct bpf_ct_opts opts;
};

static __always_inline void fails(struct xdp_md *ctx, struct ask *ask, __u32 tuple_size, const __u32 size) {
  ask->opts.error = 0;
  struct nf_conn *ct = bpf_xdp_ct_lookup(ctx, &ask->tuple, tuple_size, &ask->opts, size);
  if (ct) bpf_ct_release(ct);
  note(ask->opts.error);
  ask->opts.error = 0;
  struct nf_conn___init *made = bpf_xdp_ct_alloc(ctx, &ask->tuple, tuple_size, &ask->opts, size);
  if (made) {
    ct = bpf_ct_insert_entry(made);
    if (ct) {
      bpf_ct_change_timeout(ct, 0);
      bpf_ct_release(ct);
    }
  }
  note(ask->opts.error);
}

SEC("xdp")
int refusals(struct xdp_md *ctx) {
  struct ask ask = {.opts = {.netns_id = -1, .l4proto = 6}};
  at = 0;
  ask.tuple.ipv4.saddr = bpf_get_prandom_u32();
  ask.tuple.ipv4.daddr = bpf_get_prandom_u32();
  ask.tuple.ipv4.sport = 1;
  fails(ctx, &ask, 11, 16);
  fails(ctx, &ask, 12, 11);
  ask.opts.reserved[1] = 1;
  fails(ctx, &ask, 12, 16);
  ask.opts.reserved[1] = 0;
  ask.opts.ct_zone_id = 3;
  fails(ctx, &ask, 12, 12);
  ask.opts.ct_zone_id = 0;
  ask.opts.l4proto = 1;
  fails(ctx, &ask, 12, 16);
  ask.opts.netns_id = -2;
  fails(ctx, &ask, 12, 16);
  ask.opts.l4proto = 17;
  fails(ctx, &ask, 12, 16);
  ask.opts.netns_id = 0xf00f;
  fails(ctx, &ask, 12, 16);
  fails(ctx, &ask, 35, 16);
  return XDP_PASS;
}

SEC("xdp")
int order(struct xdp_md *ctx) {
  struct ask ask = {.opts = {.netns_id = -1, .l4proto = 1}};
  at = 0;
  // The protocol is looked at before the tuple's size.
  struct nf_conn *ct = bpf_xdp_ct_lookup(ctx, &ask.tuple, 0, &ask.opts, 12);
  if (ct) bpf_ct_release(ct);
  note(ask.opts.error);
  ask.opts.l4proto = 6;
  ct = bpf_xdp_ct_lookup(ctx, &ask.tuple, 0, &ask.opts, 12);
  if (ct) bpf_ct_release(ct);
  note(ask.opts.error);
  ask.opts.l4proto = 17;
  for (int i = 1; i < 4; i++) {
    ct = bpf_xdp_ct_lookup(ctx, &ask.tuple, i * 12, &ask.opts, 12);
    if (ct) bpf_ct_release(ct);
    note(ask.opts.error * i);
  }
  return XDP_PASS;
}

SEC("xdp")
int lifetime(struct xdp_md *ctx) {
  struct ask ask = {.opts = {.netns_id = -1, .l4proto = 17, .ct_zone_id = 7}};
  at = 0;
  ask.tuple.ipv4.saddr = bpf_get_prandom_u32();
  ask.tuple.ipv4.daddr = bpf_get_prandom_u32();
  ask.tuple.ipv4.sport = 0x3412;
  ask.tuple.ipv4.dport = 0x7856;
  struct nf_conn___init *fresh = bpf_xdp_ct_alloc(ctx, &ask.tuple, 12, &ask.opts, 16);
  if (!fresh) return XDP_ABORTED;
  note(ask.opts.ct_zone_dir);
  note(word(fresh, status));
  note(half(fresh, zone));
  note(half(fresh, tuples + 16));
  note(half(fresh, reply + 16));
  note(word(fresh, tuples) == ask.tuple.ipv4.saddr);
  note(word(fresh, reply) == ask.tuple.ipv4.daddr);
  note(word(fresh, 0));
  bpf_ct_set_timeout(fresh, 60000);
  note(bpf_ct_set_status(fresh, 1));
  note(bpf_ct_set_status(fresh, 6));
  word(fresh, mark) = 77;
  struct nf_conn *ct = bpf_ct_insert_entry(fresh);
  if (!ct) return XDP_ABORTED;
  note(word(ct, status));
  note(word(ct, 0));

  struct nf_conn___init *twin = bpf_xdp_ct_alloc(ctx, &ask.tuple, 12, &ask.opts, 16);
  if (twin) {
    struct nf_conn *second = bpf_ct_insert_entry(twin);
    note(second != 0);
    if (second) bpf_ct_release(second);
  }
  // The same zone from the other side, and another zone.
  __u32 source = ask.tuple.ipv4.saddr;
  ask.tuple.ipv4.saddr = ask.tuple.ipv4.daddr;
  ask.tuple.ipv4.daddr = source;
  ask.tuple.ipv4.sport = 0x7856;
  ask.tuple.ipv4.dport = 0x3412;
  ask.opts.dir = 9;
  struct nf_conn *found = bpf_xdp_ct_lookup(ctx, &ask.tuple, 12, &ask.opts, 16);
  note(found != 0);
  if (found) {
    note(ask.opts.dir);
    note(word(found, mark));
    note(word(found, 0));
    note(bpf_ct_change_status(found, 8 | 2));
    note(bpf_ct_change_status(found, 8 | 2 | 4 | 0x10));
    note(bpf_ct_change_status(found, 8 | 2 | 4 | 0x400));
    note(word(found, status));
    note(bpf_ct_change_timeout(found, 1000));
    bpf_ct_release(found);
  }
  note(word(ct, 0));
  ask.opts.ct_zone_id = 8;
  found = bpf_xdp_ct_lookup(ctx, &ask.tuple, 12, &ask.opts, 16);
  note(found != 0);
  if (found) bpf_ct_release(found);
  note(ask.opts.error);
  bpf_ct_release(ct);
  return XDP_PASS;
}

SEC("xdp")
int expires(struct xdp_md *ctx) {
  struct ask ask = {.opts = {.netns_id = -1, .l4proto = 6}};
  at = 0;
  for (int i = 0; i < 4; i++) ask.tuple.ipv6.saddr[i] = bpf_get_prandom_u32();
  ask.tuple.ipv6.sport = 0x3412;
  struct nf_conn___init *fresh = bpf_xdp_ct_alloc(ctx, &ask.tuple, 36, &ask.opts, 12);
  if (!fresh) return XDP_ABORTED;
  bpf_ct_set_timeout(fresh, 0);
  struct nf_conn *ct = bpf_ct_insert_entry(fresh);
  if (!ct) return XDP_ABORTED;
  struct nf_conn *found = bpf_xdp_ct_lookup(ctx, &ask.tuple, 36, &ask.opts, 12);
  note(found != 0);
  if (found) bpf_ct_release(found);
  note(ask.opts.error);
  note(word(ct, status));
  note(bpf_ct_change_timeout(ct, 1000));
  bpf_ct_release(ct);
  return XDP_PASS;
}

SEC("xdp")
int translated(struct xdp_md *ctx) {
  struct ask ask = {.opts = {.netns_id = -1, .l4proto = 6}};
  at = 0;
  ask.tuple.ipv4.saddr = bpf_get_prandom_u32();
  ask.tuple.ipv4.daddr = bpf_get_prandom_u32();
  ask.tuple.ipv4.sport = 0x3412;
  ask.tuple.ipv4.dport = 0x7856;
  union nf_inet_addr source = {{bpf_get_prandom_u32()}}, target = {{bpf_get_prandom_u32()}};
  struct nf_conn___init *fresh = bpf_xdp_ct_alloc(ctx, &ask.tuple, 12, &ask.opts, 16);
  if (!fresh) return XDP_ABORTED;
  bpf_ct_set_timeout(fresh, 1000);
  note(bpf_ct_set_nat_info(fresh, &source, 4000, SOURCE));
  note(word(fresh, status));
  note(bpf_ct_set_nat_info(fresh, &target, -1, DESTINATION));
  note(word(fresh, status));
  note(word(fresh, reply) == target.all[0]);
  note(half(fresh, reply + 16));
  note(word(fresh, reply + 20) == source.all[0]);
  note(half(fresh, reply + 36));
  note(half(fresh, tuples + 16));
  struct nf_conn *ct = bpf_ct_insert_entry(fresh);
  if (!ct) return XDP_ABORTED;
  ask.tuple.ipv4.saddr = target.all[0];
  ask.tuple.ipv4.daddr = source.all[0];
  ask.tuple.ipv4.sport = 0x7856;
  ask.tuple.ipv4.dport = 0xa00f;
  struct nf_conn *found = bpf_xdp_ct_lookup(ctx, &ask.tuple, 12, &ask.opts, 16);
  note(found != 0);
  if (found) bpf_ct_release(found);
  note(ask.opts.dir);
  bpf_ct_release(ct);
  return XDP_PASS;
}

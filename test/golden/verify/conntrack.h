// Kernel functions of connection tracking, as the kernel's BTF has them.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct bpf_ct_opts {
  int netns_id;
  int error;
  unsigned char l4proto, dir;
  unsigned short ct_zone_id;
  unsigned char ct_zone_dir, reserved[3];
};
struct nf_conn { int use; };
struct nf_conn___init { struct nf_conn ct; };
extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *, struct bpf_sock_tuple *, __u32, struct bpf_ct_opts *, __u32) __ksym;
extern struct nf_conn___init *bpf_xdp_ct_alloc(struct xdp_md *, struct bpf_sock_tuple *, __u32, struct bpf_ct_opts *, __u32) __ksym;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *) __ksym;
extern void bpf_ct_release(struct nf_conn *) __ksym;
extern void bpf_ct_set_timeout(struct nf_conn___init *, __u32) __ksym;
extern int bpf_ct_change_timeout(struct nf_conn *, __u32) __ksym;
extern int bpf_ct_set_status(struct nf_conn___init *, __u32) __ksym;
extern int bpf_ct_change_status(struct nf_conn *, __u32) __ksym;
#ifndef TERMS
#define TERMS "GPL"
#endif
char LICENSE[] SEC("license") = TERMS;
static struct nf_conn *find(struct xdp_md *ctx) {
  struct bpf_sock_tuple tuple = {};
  struct bpf_ct_opts opts = {.netns_id = -1, .l4proto = 6};
  return bpf_xdp_ct_lookup(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts);
}
static struct nf_conn___init *make(struct xdp_md *ctx) {
  struct bpf_sock_tuple tuple = {};
  struct bpf_ct_opts opts = {.netns_id = -1, .l4proto = 6};
  return bpf_xdp_ct_alloc(ctx, &tuple, sizeof tuple.ipv4, &opts, sizeof opts);
}

// What the C programs here share.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef __arg_nonnull
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#endif

char _license[] SEC("license") = "GPL";

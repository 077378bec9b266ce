// Memory read as a type of the kernel's.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
struct list_head {
  struct list_head *next, *prev;
} __attribute__((preserve_access_index));
extern void *bpf_rdonly_cast(const void *, __u32) __ksym;
char LICENSE[] SEC("license") = "GPL";
long value;

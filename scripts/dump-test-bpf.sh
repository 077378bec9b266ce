#!/usr/bin/env bash
# dump-test-bpf.sh WORKDIR [MAX] > cases.jsonl
# The eBPF cases of the kernel's own JIT tests (lib/test_bpf.c of Debian's linux-source-6.1), one JSON line each: name, flags (`aux`), what
# the context is filled with, [context size, expected r0] of each run, instructions in hex. The kernel's table is compiled as it is, with shims
# for the little of the kernel that it uses, so that the programs which it builds in C are built by the same C. Cases of more than
# MAX instructions are left out. Needs gcc.
set -euo pipefail
work=${1:?usage: dump-test-bpf.sh WORKDIR [MAX]}
max=${2:-9007199254740991}
mkdir -p "$work"
work=$(cd "$work" && pwd)
release=linux-source-6.1
source=/usr/src/$release.tar.xz
[ -r "$source" ] || { echo "$source is missing: install the package $release" >&2; exit 3; }
[ -r "$work/lib/test_bpf.c" ] || tar -C "$work" --strip-components=1 -xJf "$source" \
  "$release/lib/test_bpf.c" "$release/tools/include/linux/filter.h"

# What follows the table runs it inside the kernel.
sed -e '/^#include <linux\//d' -e '/^static struct net_device dev;/,$d' "$work/lib/test_bpf.c" > "$work/table.c"

cat > "$work/dump.c" <<'C'
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tools/include/linux/filter.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define BIT(n) (1u << (n))
#define U64_MAX UINT64_MAX
#define S64_MAX INT64_MAX
#define S64_MIN INT64_MIN
#define U32_MAX UINT32_MAX
#define S32_MAX INT32_MAX
#define S32_MIN INT32_MIN
#define U16_MAX UINT16_MAX
#define S16_MAX INT16_MAX
#define S16_MIN INT16_MIN
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define GFP_KERNEL 0
#define kmalloc_array(n, size, flags) calloc(n, size)
#define kcalloc(n, size, flags) calloc(n, size)
#define kmalloc(size, flags) calloc(1, size)
#define kfree free
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define fallthrough
#define BUG_ON(condition) do { if (condition) abort(); } while (0)
/* In initializers, so constant expressions; the host is little-endian. */
#define cpu_to_be16(x) ((u16)__builtin_bswap16(x))
#define cpu_to_be32(x) ((u32)__builtin_bswap32(x))
#define cpu_to_be64(x) ((u64)__builtin_bswap64(x))
#define cpu_to_le16(x) ((u16)(x))
#define cpu_to_le32(x) ((u32)(x))
#define cpu_to_le64(x) ((u64)(x))
#define __BPF_STMT(CODE, K) ((struct sock_filter){.code = (CODE), .k = (K)})
#define __BPF_JUMP(CODE, K, JT, JF) ((struct sock_filter){.code = (CODE), .jt = (JT), .jf = (JF), .k = (K)})
/* Inside the kernel the immediate marks a zero extension that its verifier put there; to everyone else that is a reserved field. */
#define BPF_ZEXT_REG(DST) ((struct bpf_insn){.code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = (DST), .src_reg = (DST)})
#ifndef BPF_SUB
#define BPF_SUB 0x10
#endif

static inline u64 div64_u64(u64 dividend, u64 divisor) { return dividend / divisor; }
static inline u64 div64_u64_rem(u64 dividend, u64 divisor, u64 *rest) {
  *rest = dividend % divisor;
  return dividend / divisor;
}

/* Only classic programs are made of random numbers. */
struct rnd_state { u32 s; };
static inline void prandom_seed_state(struct rnd_state *state, u64 seed) { state->s = seed; }
static inline u32 prandom_u32_state(struct rnd_state *state) { return state->s = state->s * 1664525 + 1013904223; }

/* libc defines it everywhere, the kernel only where it holds. */
#undef __BIG_ENDIAN
#include "table.c"

static void hex(const char *field, const void *bytes, size_t length) {
  printf(",\"%s\":\"", field);
  for (size_t i = 0; i < length; i++) printf("%02x", ((const u8 *)bytes)[i]);
  putchar('"');
}

int main(int argc, char **argv) {
  size_t longest = strtoull(argv[argc - 1], NULL, 10);
  for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
    struct bpf_test *t = &tests[i];
    if ((t->aux & TEST_TYPE_MASK) != INTERNAL) continue;
    const void *insns = t->u.insns_int;
    size_t length;
    if (t->fill_helper) {
      if (t->fill_helper(t) < 0) return 1;
      insns = t->u.ptr.insns;
      length = t->u.ptr.len;
    } else {
      /* The table holds no lengths: a program ends where only zeros follow. */
      for (length = MAX_INSNS; length > 1; length--)
        if (t->u.insns[length - 1].code != 0 || t->u.insns[length - 1].k != 0) break;
    }
    if (length > longest) {
      free((void *)(t->fill_helper ? insns : NULL));
      continue;
    }
    printf("{\"name\":\"");
    for (const char *c = t->descr; *c; c++) {
      if (*c == '"' || *c == '\\') putchar('\\');
      putchar(*c);
    }
    printf("\",\"aux\":%u,\"runs\":[", t->aux & ~TEST_TYPE_MASK);
    for (int sub = 0; sub < MAX_SUBTESTS; sub++) {
      if (sub > 0 && t->test[sub].data_size == 0 && t->test[sub].result == 0) break;
      printf("%s[%d,%u]", sub ? "," : "", t->test[sub].data_size, t->test[sub].result);
    }
    putchar(']');
    hex("data", t->data, MAX_DATA);
    hex("insns", insns, length * sizeof(struct bpf_insn));
    puts("}");
  }
  return 0;
}
C
gcc -w -O1 -I"$work" "$work/dump.c" -o "$work/dump"
"$work/dump" "$max"

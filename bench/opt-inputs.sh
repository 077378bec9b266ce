#!/bin/bash
# Builds what `npm run opt-bench` optimizes, from Debian's linux-source-6.1 with clang-19 -O2 -g at v2 and v3:
#     opt-inputs.sh WORKDIR      -> WORKDIR/v2/*.o, WORKDIR/v3/*.o
#     MCPU="v1 v4" opt-inputs.sh WORKDIR     -> other versions
# xdp1_old and xdp2_old are the programs as they were before 5.18: `ctx->data` in place of a copy by bpf_xdp_load_bytes.
set -euo pipefail
W=${1:?usage: opt-inputs.sh WORKDIR}; mkdir -p "$W"/{src,inc}; W=$(cd "$W" && pwd)
archive=${LINUX_SOURCE:-/usr/src/linux-source-6.1.tar.xz}
[ -d "$W/src/samples" ] || tar -C "$W/src" --strip-components=1 -xJf "$archive" --wildcards linux-source-6.1/samples/bpf linux-source-6.1/tools/testing/selftests/bpf
[ -s "$W/inc/vmlinux.h" ] || bpftool btf dump file /sys/kernel/btf/vmlinux format c > "$W/inc/vmlinux.h"
ln -sfn /usr/include "$W/inc/uapi"
cat > "$W/inc/types.h" <<'H'
#include <linux/types.h>
typedef __u8 u8; typedef __u16 u16; typedef __u32 u32; typedef __u64 u64; typedef __s32 s32; typedef __s64 s64;
#define __stringify_1(x...) #x
#define __stringify(x...) __stringify_1(x)
H
cat > "$W/inc/shim.h" <<'H'
#include "types.h"
#include <linux/tcp.h>
#include <linux/udp.h>
struct vlan_hdr { __be16 h_vlan_TCI; __be16 h_vlan_encapsulated_proto; };
#define __force
#define __packed __attribute__((packed))
#define AF_INET 2
#define AF_INET6 10
#define htons(x) ((__be16)__builtin_bswap16((__u16)(x)))
#define ntohs htons
#define cpu_to_be32(x) ((__be32)__builtin_bswap32((__u32)(x)))
#define unlikely(x) __builtin_expect(!!(x),0)
#define likely(x) __builtin_expect(!!(x),1)
#define min(a,b) ((a)<(b)?(a):(b))
#define max(a,b) ((a)>(b)?(a):(b))
H
S=$W/src/samples/bpf; T=$W/src/tools/testing/selftests/bpf
for program in xdp1 xdp2; do
  sed -e 's/__u8 pkt\[XDPBUFSIZE\] = {};//' \
    -e 's/void \*data_end = &pkt\[XDPBUFSIZE-1\];/void *data_end = (void *)(long)ctx->data_end;/' \
    -e 's/void \*data = pkt;/void *data = (void *)(long)ctx->data;/' \
    -e '/if (bpf_xdp_load_bytes/,+1d' \
    -e 's/if (bpf_xdp_store_bytes(ctx, 0, pkt, sizeof(pkt)))/if (0)/' "$S/${program}_kern.c" > "$W/${program}_old.c"
done
for cpu in ${MCPU:-v2 v3}; do
  mkdir -p "$W/$cpu"
  CC="clang-19 -O2 -g -target bpf -mcpu=$cpu -D__TARGET_ARCH_x86 -I$W/inc -I$T -I$T/progs -I$S -idirafter /usr/include/$(uname -m)-linux-gnu -Wno-everything"
  for f in xdp1 xdp2 xdp_fwd xdp_tx_iptunnel xdp_adjust_tail xdp_rxq_info; do $CC -include "$W/inc/shim.h" -c "$S/${f}_kern.c" -o "$W/$cpu/$f.o"; done
  for f in xdp1_old xdp2_old; do $CC -include "$W/inc/shim.h" -c "$W/$f.c" -o "$W/$cpu/$f.o"; done
  for f in xdp_redirect xdp_redirect_cpu xdp_router_ipv4; do printf '#include "xdp_sample.bpf.c"\n#include "%s.bpf.c"\n' $f | $CC -x c -c - -o "$W/$cpu/$f.o"; done
  $CC -include "$W/inc/types.h" -c "$S/sockex3_kern.c" -o "$W/$cpu/sockex3.o"
  $CC -include "$W/inc/types.h" -c "$S/syscall_tp_kern.c" -o "$W/$cpu/syscall_tp.o"
done

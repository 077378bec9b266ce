#!/bin/bash
# Builds programs of the kind that K2 was measured on, as older compilers wrote them, for opt-bench: clang-14 -O2 at v1
# without CO-RE. What opt-bench optimizes of them is instructions alone.
#     k2-inputs.sh WORKDIR      -> WORKDIR/k2/*.o; WORKDIR as bench/opt-inputs.sh leaves it
set -euo pipefail
W=${1:?usage: k2-inputs.sh WORKDIR}; W=$(cd "$W" && pwd); mkdir -p "$W/k2"
S=$W/src/samples/bpf; T=$W/src/tools/testing/selftests/bpf; H=$(cd "$(dirname "$0")" && pwd)
CC="clang-14 -O2 -g -target bpf -mcpu=v1 -DBPF_NO_PRESERVE_ACCESS_INDEX -D__TARGET_ARCH_x86 -I$W/inc -I$T -I$T/progs -I$S -idirafter /usr/include/$(uname -m)-linux-gnu -Wno-everything"
$CC -include "$W/inc/shim.h" -c "$S/xdp_fwd_kern.c" -o "$W/k2/xdp_fwd.o"
for f in xdp1_old xdp2_old; do $CC -include "$W/inc/shim.h" -c "$W/$f.c" -o "$W/k2/$f.o"; done
for f in xdp_redirect xdp_router_ipv4; do printf '#include "xdp_sample.bpf.c"\n#include "%s.bpf.c"\n' $f | $CC -x c -c - -o "$W/k2/$f.o"; done
for f in sockex3 syscall_tp; do $CC -include "$W/inc/types.h" -c "$S/${f}_kern.c" -o "$W/k2/$f.o"; done
$CC -c "$T/progs/recvmsg4_prog.c" -o "$W/k2/recvmsg4.o"
$CC -c "$H/k2-kind/programs.c" -o "$W/k2/programs.o"
# A balancer like katran with all of its functions in one, and one for TC.
sed -E 's,__attribute__ *\(\(noinline\)\)|__noinline,__always_inline,' "$T/progs/test_xdp_noinline.c" | $CC -x c -I"$T/progs" -c - -o "$W/k2/balancer.o"
$CC -c "$T/progs/test_cls_redirect.c" -o "$W/k2/cls_redirect.o"

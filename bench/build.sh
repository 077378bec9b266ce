#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds programs/NAME.o from programs/NAME.bpf.c. CLANG and STRIP choose the tools; see examples/build.sh.
set -eu
cd "$(dirname "$0")/programs"
asm=/usr/include/$(uname -m)-linux-gnu
for source in *.bpf.c; do
	name=${source%.bpf.c}
	"${CLANG:-clang-19}" -O2 -g -target bpf -mcpu=v3 -std=gnu11 -Wall -Werror -ffile-prefix-map="$PWD"=. \
		-fdebug-compilation-dir=. -isystem "$asm" -c "$source" -o "$name.o"
	"${STRIP:-llvm-strip-19}" --strip-debug "$name.o"
done

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds NAME.o from NAME.bpf.c, as examples/build.sh does; -mcpu=v2, which is what the driver of Linux for these cards
# takes.
set -eu
cd "$(dirname "$0")"
for source in *.bpf.c; do
	name=${source%.bpf.c}
	"${CLANG:-clang-19}" -O2 -g -target bpf -mcpu=v2 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function \
		-ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. -isystem "/usr/include/$(uname -m)-linux-gnu" \
		-c "$source" -o "$name.o"
	"${STRIP:-llvm-strip-19}" --strip-debug "$name.o"
done

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds NAME/NAME.o from NAME/NAME.bpf.c, for the examples named or for all of them:
#
#   examples/build.sh [--check] [NAME...]
#
# The same sources and the same clang give the same bytes, wherever they lie: file names in the objects are relative to
# this folder, and the DWARF sections, which BTF makes superfluous, are taken out. --check leaves the objects alone and
# fails if a committed one is not what would come out. CLANG and STRIP choose the tools; the committed objects come from
# version 19, with the headers of Debian's linux-libc-dev and libbpf-dev.
set -eu
cd "$(dirname "$0")"

clang=${CLANG:-clang-19}
strip=${STRIP:-llvm-strip-19}

# Debian keeps <asm/types.h> in a folder that clang does not search when it compiles for bpf.
asm=/usr/include/$(uname -m)-linux-gnu

check=
if [ "${1:-}" = --check ]; then
	check=yes
	shift
fi
[ $# -gt 0 ] || set -- */*.bpf.c

new=$(mktemp)
trap 'rm -f "$new"' EXIT
failed=0
for arg; do
	name=$(basename "${arg%/}" .bpf.c)
	"$clang" -O2 -g -target bpf -mcpu=v3 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function \
		-ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. -isystem "$asm" \
		-c "$name/$name.bpf.c" -o "$new"
	"$strip" --strip-debug "$new"
	if [ -z "$check" ]; then
		cat "$new" >"$name/$name.o"
	elif ! cmp -s "$new" "$name/$name.o"; then
		echo "$name: $name.o is not what its source compiles to" >&2
		failed=1
	fi
done
exit $failed

#!/bin/sh
# Fetches captures that others made, for the tests that read them: hundreds of .pcap and .pcapng files, many malformed.
#
#   scripts/fetch-captures.sh DIR
#   JITNIC_CAPTURES=DIR npx vitest run src/packet
#
# From Debian alone: the files of golang-github-google-gopacket-dev and python3-dpkt (unpacked, not installed) and the test
# captures of tcpdump's source package. Needs apt-get, dpkg-deb and tar; a package that cannot be had is reported and
# left out, and the exit code is then 1. Changes nothing on the system: apt works on lists of its own below DIR.
set -eu

if [ $# -ne 1 ]; then
  echo "usage: $0 DIR" >&2
  exit 2
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
apt="$dir/.apt"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/download"

# The first Debian mirror and suite that the system is configured for, else the public ones.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | sed -n 's/^URIs: *\([^ ]*\/debian\/*\)$/\1/p; s/^deb  *\(\[[^]]*\] *\)*\([^ ]*\/debian\/*\) .*/\2/p' | head -n 1)
suite=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")
mirror=${mirror:-http://deb.debian.org/debian}
suite=${suite:-stable}
{
  echo "Types: deb deb-src"
  echo "URIs: $mirror"
  echo "Suites: $suite"
  echo "Components: main"
  if [ -f /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    echo "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg"
  fi
} >"$apt/debian.sources"

own_apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$apt/debian.sources" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

failed=0
own_apt update
cd "$apt/download"
for package in golang-github-google-gopacket-dev python3-dpkt; do
  if own_apt download "$package"; then
    rm -rf "$dir/$package" "$apt/unpacked"
    dpkg-deb -x "$package"_*.deb "$apt/unpacked"
    mkdir -p "$dir/$package"
    (cd "$apt/unpacked" && find . -type f \( -name '*.pcap' -o -name '*.pcapng' -o -name '*.pcap.gz' \) -print0 |
      tar -cf - --null -T - ) | tar -xf - -C "$dir/$package"
  else
    echo "$0: $package: not downloaded" >&2
    failed=1
  fi
done
if own_apt source --download-only tcpdump; then
  rm -rf "$dir/tcpdump"
  mkdir -p "$dir/tcpdump"
  # The archive, not its signature.
  for archive in tcpdump_*.orig.tar.gz tcpdump_*.orig.tar.xz; do
    if [ -f "$archive" ]; then
      tar -xf "$archive" -C "$dir/tcpdump" --strip-components=1 --wildcards '*/tests/*.pcap*'
    fi
  done
else
  echo "$0: tcpdump: source package not downloaded" >&2
  failed=1
fi
rm -rf "$apt"
echo "$(find "$dir" -type f \( -name '*.pcap' -o -name '*.pcapng' -o -name '*.pcap.gz' \) | wc -l) captures in $dir"
exit $failed

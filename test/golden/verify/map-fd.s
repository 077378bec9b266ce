# A reference to a map that is not there.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x0000000700001118
.quad 0x0
  r0 = 0
  exit

# $ jitnic verify map-fd.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# fd 7 is not pointing to valid bpf_map
#      0: (18) r1 = map[7]

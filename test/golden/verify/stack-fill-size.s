# Half an address cannot be read.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u64 *)(r10 - 8) = r1
  r0 = *(u32 *)(r10 - 8)
  exit

# $ jitnic verify stack-fill-size.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# invalid size of register fill
#      1: (61) r0 = *(u32 *)(r10 -8)

# A number minus an address.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = 8
  r2 -= r10
  r0 = 0
  exit

# $ jitnic verify scalar-minus-pointer.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# R2 tried to subtract pointer from scalar
#      1: (1f) r2 -= r10
# known: R2=8
# what led here:
#      0: (b7) r2 = 8

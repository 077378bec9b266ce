# A product with an address.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = r10
  r2 *= 8
  r0 = 0
  exit

# $ jitnic verify pointer-operator.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# R2 pointer arithmetic with *= operator prohibited
#      1: (27) r2 *= 8
# known: R2=fp0
# what led here:
#      0: (bf) r2 = r10

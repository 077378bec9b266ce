# Aligning an address with a mask.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = r10
  r2 &= -8
  r0 = 0
  exit

# $ jitnic verify pointer-bitwise.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# R2 bitwise operator &= on pointer prohibited
#      1: (57) r2 &= -8
# known: R2=fp0
# what led here:
#      0: (bf) r2 = r10

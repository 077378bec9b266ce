# A division by the constant 0.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = 1
  r0 /= 0
  exit

# $ jitnic verify div-by-zero.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# div by zero
#      1: (37) r0 /= 0
# known: R0=1
# what led here:
#      0: (b7) r0 = 1

# A shift by the width.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = 1
  r0 <<= 64
  exit

# $ jitnic verify invalid-shift.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# invalid shift 64
#      1: (67) r0 <<= 64
# known: R0=1
# what led here:
#      0: (b7) r0 = 1

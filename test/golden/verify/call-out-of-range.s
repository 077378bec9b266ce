# A call past the end.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x0000000900001085
  r0 = 0
  exit

# $ jitnic verify call-out-of-range.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# call to invalid destination
#      0: (85) call pc+9

# The context through a pointer that was moved down.
.license "GPL"
.section xdp
.globl prog
prog:
  r1 += -4
  r0 = *(u32 *)(r1 + 4)
  exit

# $ jitnic verify ctx-negative.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# negative offset ctx ptr R1 off=-4 disallowed
#      1: (61) r0 = *(u32 *)(r1 +4)
# known: R1=ctx(off=-4)
# what led here:
#      0: (07) r1 += -4

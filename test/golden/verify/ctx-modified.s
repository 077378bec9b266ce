# The context through a moved pointer.
.license "GPL"
.section xdp
.globl prog
prog:
  r1 += 4
  r0 = *(u32 *)(r1 + 0)
  exit

# $ jitnic verify ctx-modified.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# dereference of modified ctx ptr R1 off=4 disallowed
#      1: (61) r0 = *(u32 *)(r1 +0)
# known: R1=ctx(off=4)
# what led here:
#      0: (07) r1 += 4
# hint: access the context at constant offsets from R1 as it was passed

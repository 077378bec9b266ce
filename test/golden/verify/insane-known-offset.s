# A constant that no object is long enough for.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = r10
  r3 = 0x20000000 ll
  r2 += r3
  r0 = 0
  exit

# $ jitnic verify insane-known-offset.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# math between fp pointer and 536870912 is not allowed
#      3: (0f) r2 += r3
# known: R2=fp0, R3=0x20000000
# what led here:
#      0: (bf) r2 = r10
#      1: (18) r3 = 0x20000000

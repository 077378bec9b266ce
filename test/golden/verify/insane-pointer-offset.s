# Steps that add up to more than any object has.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r2 += 0x1fffffff
  r2 += 0x1fffffff
  r0 = 0
  exit

# $ jitnic verify insane-pointer-offset.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# pkt pointer offset 1073741822 is not allowed
#      2: (07) r2 += 536870911
# known: R2=pkt(off=0x1fffffff,r=0)
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +0)
#      1: (07) r2 += 536870911

# 32-bit arithmetic on an address.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  w2 += 1
  r0 = 0
  exit

# $ jitnic verify pointer-alu32.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# R2 32-bit pointer arithmetic prohibited
#      2: (04) w2 += 1
# known: R2=pkt(r=0)
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +0)
# hint: compute the offset in 32 bits if you like, but add it to the pointer in 64

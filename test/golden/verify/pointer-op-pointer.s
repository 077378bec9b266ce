# The sum of two addresses.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r2 += r3
  r0 = 0
  exit

# $ jitnic verify pointer-op-pointer.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# R2 pointer += pointer prohibited
#      2: (0f) r2 += r3
# known: R2=pkt(r=0), R3=pkt_end()
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +0)
#      1: (61) r3 = *(u32 *)(r1 +4)

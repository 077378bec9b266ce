# Arithmetic on data_end.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r3 += 1
  r0 = 0
  exit

# $ jitnic verify pointer-arithmetic.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# R3 pointer arithmetic on pkt_end prohibited
#      2: (07) r3 += 1
# known: R3=pkt_end()
# what led here:
#      1: (61) r3 = *(u32 *)(r1 +4)

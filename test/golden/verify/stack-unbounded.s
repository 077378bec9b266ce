# The stack at an index that no comparison bounds.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 12)
  r3 = r10
  r3 += r2
  r0 = *(u8 *)(r3 - 8)
  exit

# $ jitnic verify stack-unbounded.s
# prog: rejected (4 instructions checked, 0 states saved)
#
# invalid unbounded variable-offset read from stack R3
#      3: (71) r0 = *(u8 *)(r3 -8)
# known: R3=fp(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +12)
#      1: (bf) r3 = r10
#      2: (0f) r3 += r2
# hint: bound it with a comparison (or `& mask`) on every path to this access

# An atomic addition of two bytes.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u64 *)(r10 - 8) = 0
  r2 = 1
.quad 0x00000000fff82acb
  r0 = 0
  exit

# $ jitnic verify atomic-size.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# invalid atomic operand size
#      2: BUG_cb
# known: R2=1
# what led here:
#      1: (b7) r2 = 1

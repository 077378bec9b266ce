# Half an address cannot be kept.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 8) = r1
  r0 = 0
  exit

# $ jitnic verify stack-spill-size.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# invalid size of register spill
#      0: (63) *(u32 *)(r10 -8) = r1
# known: R1=ctx()

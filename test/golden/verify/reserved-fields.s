# A field that must be zero is not: the offset of an addition.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x0000000100050007
  r0 = 0
  exit

# $ jitnic verify reserved-fields.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# BPF_ALU uses reserved fields
#      0: (07) r0 += 1

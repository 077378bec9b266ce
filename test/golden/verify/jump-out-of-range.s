# A jump past the end.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = 0
  if r0 == 0 goto +5
  exit

# $ jitnic verify jump-out-of-range.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# jump out of range from insn 1 to 7
#      1: (15) if r0 == 0x0 goto pc+5

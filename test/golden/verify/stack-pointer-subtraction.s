# A subtraction from the frame pointer.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = r10
  r2 -= 8
  r0 = 0
  exit

# $ jitnic verify stack-pointer-subtraction.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# R2 subtraction from stack pointer prohibited
#      1: (17) r2 -= 8
# known: R2=fp0
# what led here:
#      0: (bf) r2 = r10
# hint: add a negative number instead: of one that varies subtract a constant first

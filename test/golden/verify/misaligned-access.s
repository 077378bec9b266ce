# Eight bytes at an odd place of the stack.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u64 *)(r10 - 12) = 1
  r0 = 0
  exit

# $ jitnic verify misaligned-access.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# misaligned stack access off 0+0+-12 size 8
#      0: (7a) *(u64 *)(r10 -12) = 1
# hint: stack accesses must be aligned to their size

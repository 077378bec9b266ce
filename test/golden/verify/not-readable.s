# r5 was never set.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = r5
  exit

# $ jitnic verify not-readable.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# R5 !read_ok
#      0: (bf) r0 = r5
# known: R5 holds nothing here
# hint: the register has not been set on this path

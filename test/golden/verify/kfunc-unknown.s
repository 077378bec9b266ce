# A call of a kernel function that no symbol names.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x7fffffff00002085
  r0 = 0
  exit

# $ jitnic verify kfunc-unknown.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# kernel btf_id 2147483647 is not a function
#      0: (85) call kernel-function#2147483647

# There is no helper of this number.
.license "GPL"
.section xdp
.globl prog
prog:
  call 9999
  r0 = 0
  exit

# $ jitnic verify invalid-func.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# invalid func unknown#9999
#      0: (85) call unknown#9999
# known: R1=ctx()

# Code behind an exit that nothing jumps to.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = 2
  exit
  r0 = 1
  exit

# $ jitnic verify unreachable-insn.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# unreachable insn 2
#      2: (b7) r0 = 1

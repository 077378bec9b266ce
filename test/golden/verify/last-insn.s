# Execution runs off the end.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = 2
  r0 += 1

# $ jitnic verify last-insn.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# last insn is not an exit or jmp
#      1: (07) r0 += 1

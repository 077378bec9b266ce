# The other fields of may_goto have no meaning yet.
.section xdp
.globl prog
prog:
.quad 0x00000001000000e5
r0 = 2
exit

# $ jitnic verify may-goto.s
# prog: rejected (1 instructions checked, 1 states saved)
#
# invalid may_goto imm 1
#      0: (e5) may_goto pc+0

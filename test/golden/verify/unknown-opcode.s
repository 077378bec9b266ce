# An opcode that no instruction has.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x00000000000000ff
  r0 = 0
  exit

# $ jitnic verify unknown-opcode.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# unknown opcode ff
#      0: BUG_alu64_ff

# A cast between address spaces, without an arena.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x00000001000121bf
  r0 = 0
  exit

# $ jitnic verify addr-space-cast.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# addr_space_cast insn can only be used in a program that has an associated arena
#      0: BUG_alu64_bf

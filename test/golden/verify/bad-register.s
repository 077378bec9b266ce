# There is no r11.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x0000000000000bb7
  r0 = 0
  exit

# $ jitnic verify bad-register.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# R11 is invalid
#      0: (b7) r11 = 0

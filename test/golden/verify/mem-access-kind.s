# A load through a number.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 12)
  r0 = *(u32 *)(r2 + 0)
  exit

# $ jitnic verify mem-access-kind.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# R2 invalid mem access 'scalar'
#      1: (61) r0 = *(u32 *)(r2 +0)
# known: R2=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +12)

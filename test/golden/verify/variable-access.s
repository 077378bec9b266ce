# The context at a computed place.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 12)
  r2 &= 4
  r1 += r2
  r0 = *(u32 *)(r1 + 0)
  exit

# $ jitnic verify variable-access.s
# prog: rejected (4 instructions checked, 0 states saved)
#
# variable ctx access var_off=(0x0; 0x4) disallowed
#      3: (61) r0 = *(u32 *)(r1 +0)
# known: R1=ctx(smin=smin32=0,smax=umax=smax32=umax32=4,var_off=(0x0; 0x4))
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +12)
#      1: (57) r2 &= 4
#      2: (0f) r1 += r2

# An index of which the largest value lies above the frame.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 12)
  r2 &= 15
  r3 = r10
  r3 += -8
  r3 += r2
  r0 = *(u8 *)(r3 + 0)
  exit

# $ jitnic verify stack-var-out-of-bounds.s
# prog: rejected (6 instructions checked, 0 states saved)
#
# invalid variable-offset read from stack R3 var_off=(0x0; 0xf) off=-8 size=1
#      5: (71) r0 = *(u8 *)(r3 +0)
# known: R3=fp(off=-8,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +12)
#      1: (57) r2 &= 15
#      2: (bf) r3 = r10
#      3: (07) r3 += -8
#      4: (0f) r3 += r2
# hint: bound it with a comparison (or `& mask`) on every path to this access

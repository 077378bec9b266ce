# The comparison said that the pointer lies behind the packet.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r2 += 14
  if r2 > r3 goto outside
  r0 = 2
  exit
outside:
  r0 = *(u8 *)(r2 + 0)
  exit

# $ jitnic verify packet-outside.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# R2 offset is outside of the packet
#      6: (71) r0 = *(u8 *)(r2 +0)
# known: R2=pkt(off=14,r=0xfffffffffffffffe)
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +0)
#      2: (07) r2 += 14
#      3: (2d) if r2 > r3 goto pc+2  (tested)

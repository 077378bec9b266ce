# A packet pointer that may lie in front of the packet.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = *(u32 *)(r1 + 12)
  r4 &= 3
  r4 -= 1
  r2 += r4
  r5 = r2
  r5 += 4
  if r5 > r3 goto done
  r0 = *(u8 *)(r2 + 0)
done:
  r0 = 2
  exit

# $ jitnic verify packet-negative.s
# prog: rejected (10 instructions checked, 0 states saved)
#
# R2 min value is negative, either use unsigned index or do a if (index >=0) check.
#      9: (71) r0 = *(u8 *)(r2 +0)
# known: R2=pkt(id=1,r=0,smin=smin32=-1,smax=smax32=2)
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +0)
#      2: (61) r4 = *(u32 *)(r1 +12)
#      3: (57) r4 &= 3
#      4: (17) r4 -= 1
#      5: (0f) r2 += r4

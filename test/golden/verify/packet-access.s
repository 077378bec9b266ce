# Fourteen bytes are compared with data_end, the load is behind them.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 14
  if r4 > r3 goto done
  r0 = *(u32 *)(r2 + 12)
done:
  r0 = 2
  exit

# $ jitnic verify packet-access.s
# prog: rejected (6 instructions checked, 0 states saved)
#
# invalid access to packet, off=12 size=4, R2(id=0,off=12,r=14); R2 offset is outside of the packet
#      5: (61) r0 = *(u32 *)(r2 +12)
# known: R2=pkt(r=14)
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +0)
#      4: (2d) if r4 > r3 goto pc+1  (tested)
# hint: packet range is 14, access needs 16: compare data + 16 with data_end first

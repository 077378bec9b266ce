# An atomic addition to the packet.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 16
  if r4 > r3 goto done
  r5 = 1
  lock *(u64 *)(r2 + 6) += r5
done:
  r0 = 2
  exit

# $ jitnic verify ctx-atomic.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# BPF_ATOMIC stores into R2 pkt is not allowed
#      6: (db) lock *(u64 *)(r2 +6) += r5
# known: R2=pkt(r=16), R5=1
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +0)
#      5: (b7) r5 = 1

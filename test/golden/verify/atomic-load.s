# An ordered load from the packet.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 16
  if r4 > r3 goto done
  r0 = load_acquire((u64 *)(r2 + 6))
done:
  r0 = 2
  exit

# $ jitnic verify atomic-load.s
# prog: rejected (6 instructions checked, 0 states saved)
#
# BPF_ATOMIC loads from R2 pkt is not allowed
#      5: (db) r0 = load_acquire((u64 *)(r2 +6))
# known: R2=pkt(r=16)
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +0)

# A helper that does not take packet memory.
.license "GPL"
.section xdp
.globl prog
prog:
  r6 = r1
  r3 = *(u32 *)(r1 + 0)
  r4 = *(u32 *)(r1 + 4)
  r5 = r3
  r5 += 8
  if r5 > r4 goto done
  r1 = r3
  r2 = 8
  call bpf_trace_printk
done:
  r0 = 2
  exit

# $ jitnic verify arg-packet-helper.s
# prog: rejected (9 instructions checked, 0 states saved)
#
# helper access to the packet is not allowed
#      8: (85) call bpf_trace_printk#6
# known: R1=pkt(r=8), R2=8
# what led here:
#      1: (61) r3 = *(u32 *)(r1 +0)
#      6: (bf) r1 = r3
#      7: (b7) r2 = 8

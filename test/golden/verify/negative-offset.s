# An index that may be negative.
.license "GPL"
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.section xdp
.globl prog
prog:
  r6 = *(u32 *)(r1 + 12)
  r6 &= 1
  r6 -= 1
  *(u32 *)(r10 - 4) = 1
  r2 = r10
  r2 += -4
  r1 = hash ll
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  r0 += r6
  r0 = *(u8 *)(r0 + 0)
done:
  r0 = 2
  exit

# $ jitnic verify negative-offset.s
# prog: rejected (11 instructions checked, 0 states saved)
#
# R0 min value is negative, either use unsigned index or do a if (index >=0) check.
#     11: (71) r0 = *(u8 *)(r0 +0)
# known: R0=map_value(map=hash,ks=4,vs=16,smin=smin32=-1,smax=smax32=0)
# what led here:
#      0: (61) r6 = *(u32 *)(r1 +12)
#      1: (57) r6 &= 1
#      2: (17) r6 -= 1
#      8: (85) call bpf_map_lookup_elem#1
#      9: (15) if r0 == 0x0 goto pc+2  (tested)
#     10: (0f) r0 += r6

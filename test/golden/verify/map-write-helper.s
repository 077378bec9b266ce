# An update of a map that programs may only read.
.license "GPL"
.map fixed type=hash key=4 value=8 max_entries=8 flags=0x80
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 4) = 0
  *(u64 *)(r10 - 16) = 0
  r2 = r10
  r2 += -4
  r3 = r10
  r3 += -16
  r1 = fixed ll
  r4 = 0
  call bpf_map_update_elem
  r0 = 0
  exit

# $ jitnic verify map-write-helper.s
# prog: rejected (9 instructions checked, 0 states saved)
#
# write into map forbidden
#      9: (85) call bpf_map_update_elem#2
# known: R1=map_ptr(map=fixed,ks=4,vs=8), R2=fp-4, R3=fp-16, R4=0
# what led here:
#      2: (bf) r2 = r10
#      3: (07) r2 += -4
#      4: (bf) r3 = r10
#      5: (07) r3 += -16
#      6: (18) r1 = map[fixed]
#      8: (b7) r4 = 0

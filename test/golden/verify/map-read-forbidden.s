# A load from a map that programs may only write.
.license "GPL"
.map sink type=hash key=4 value=16 max_entries=8 flags=0x100
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 4) = 1
  r2 = r10
  r2 += -4
  r1 = sink ll
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  r0 = *(u32 *)(r0 + 0)
done:
  r0 = 2
  exit

# $ jitnic verify map-read-forbidden.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# read from map forbidden, value_size=16 off=0 size=4
#      7: (61) r0 = *(u32 *)(r0 +0)
# known: R0=map_value(map=sink,ks=4,vs=16)
# what led here:
#      5: (85) call bpf_map_lookup_elem#1
#      6: (15) if r0 == 0x0 goto pc+1  (tested)

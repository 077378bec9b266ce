# A store into a map that programs may only read.
.license "GPL"
.map fixed type=hash key=4 value=16 max_entries=8 flags=0x80
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 4) = 1
  r2 = r10
  r2 += -4
  r1 = fixed ll
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  *(u32 *)(r0 + 0) = 1
done:
  r0 = 2
  exit

# $ jitnic verify map-write-forbidden.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# write into map forbidden, value_size=16 off=0 size=4
#      7: (62) *(u32 *)(r0 +0) = 1
# known: R0=map_value(map=fixed,ks=4,vs=16)
# what led here:
#      5: (85) call bpf_map_lookup_elem#1
#      6: (15) if r0 == 0x0 goto pc+1  (tested)
# hint: the map is read-only for programs (.rodata, or BPF_F_RDONLY_PROG)

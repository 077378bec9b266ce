# A load past the end of a map value.
.license "GPL"
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 4) = 1
  r2 = r10
  r2 += -4
  r1 = hash ll
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  r0 = *(u32 *)(r0 + 16)
done:
  r0 = 2
  exit

# $ jitnic verify min-outside.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# invalid access to map value, value_size=16 off=16 size=4; R0 min value is outside of the allowed memory range
#      7: (61) r0 = *(u32 *)(r0 +16)
# known: R0=map_value(map=hash,ks=4,vs=16)
# what led here:
#      5: (85) call bpf_map_lookup_elem#1
#      6: (15) if r0 == 0x0 goto pc+1  (tested)
# hint: the access ends at byte 20 of it

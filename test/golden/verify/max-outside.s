# An index of which the largest value is past the end.
.license "GPL"
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.section xdp
.globl prog
prog:
  r6 = *(u32 *)(r1 + 12)
  r6 &= 15
  *(u32 *)(r10 - 4) = 1
  r2 = r10
  r2 += -4
  r1 = hash ll
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  r0 += r6
  r0 = *(u32 *)(r0 + 0)
done:
  r0 = 2
  exit

# $ jitnic verify max-outside.s
# prog: rejected (10 instructions checked, 0 states saved)
#
# invalid access to map value, value_size=16 off=15 size=4; R0 max value is outside of the allowed memory range
#     10: (61) r0 = *(u32 *)(r0 +0)
# known: R0=map_value(map=hash,ks=4,vs=16,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
# what led here:
#      0: (61) r6 = *(u32 *)(r1 +12)
#      1: (57) r6 &= 15
#      7: (85) call bpf_map_lookup_elem#1
#      8: (15) if r0 == 0x0 goto pc+2  (tested)
#      9: (0f) r0 += r6
# hint: bound it with a comparison (or `& mask`) on every path to this access

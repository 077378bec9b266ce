# A format that may change.
.license "GPL"
.map array type=array key=4 value=16 max_entries=4 flags=0x0
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = array ll
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  r3 = r0
  r1 = r10
  r1 += -8
  *(u64 *)(r10 - 8) = 0
  r2 = 8
  call bpf_strncmp
done:
  r0 = 2
  exit

# $ jitnic verify arg-const-str.s
# prog: rejected (12 instructions checked, 0 states saved)
#
# R3 does not point to a readonly map
#     12: (85) call bpf_strncmp#182
# known: R1=fp-8, R2=8, R3=map_value(map=array,ks=4,vs=16)
# what led here:
#      5: (85) call bpf_map_lookup_elem#1
#      6: (15) if r0 == 0x0 goto pc+6  (tested)
#      7: (bf) r3 = r0
#      8: (bf) r1 = r10
#      9: (07) r1 += -8
#     11: (b7) r2 = 8

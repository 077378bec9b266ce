# A look-up that was not compared with NULL.
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
  r0 = *(u32 *)(r0 + 0)
  exit

# $ jitnic verify mem-access-or-null.s
# prog: rejected (6 instructions checked, 0 states saved)
#
# R0 invalid mem access 'map_value_or_null'
#      6: (61) r0 = *(u32 *)(r0 +0)
# known: R0=map_value_or_null(id=1,map=hash,ks=4,vs=16)
# what led here:
#      5: (85) call bpf_map_lookup_elem#1
# hint: compare the pointer with NULL before using it

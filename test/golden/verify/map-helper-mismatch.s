# A map that does not go with the helper.
.license "GPL"
.map progs type=prog_array key=4 value=4 max_entries=4 flags=0x0
.section xdp
.globl prog
prog:
  r2 = r10
  *(u32 *)(r10 - 4) = 0
  r2 += -4
  r1 = progs ll
  call bpf_map_lookup_elem
  r0 = 0
  exit

# $ jitnic verify map-helper-mismatch.s
# prog: rejected (5 instructions checked, 0 states saved)
#
# cannot pass map_type 3 into func bpf_map_lookup_elem#1
#      5: (85) call bpf_map_lookup_elem#1
# known: R1=map_ptr(map=progs,ks=4,vs=4), R2=fp-4
# what led here:
#      0: (bf) r2 = r10
#      2: (07) r2 += -4
#      3: (18) r1 = map[progs]

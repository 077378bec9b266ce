# The context where the map belongs.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = r10
  call bpf_map_lookup_elem
  r0 = 0
  exit

# $ jitnic verify arg-type.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# R1 type=ctx expected=map_ptr
#      1: (85) call bpf_map_lookup_elem#1
# known: R1=ctx(), R2=fp0
# what led here:
#      0: (bf) r2 = r10

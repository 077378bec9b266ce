# A member of the map itself: its layout is one kernel build's.
.license "GPL"
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.section xdp
.globl prog
prog:
  r2 = hash ll
  r0 = *(u32 *)(r2 + 24)
  r0 = 0
  exit

# $ jitnic verify map-ptr-offset.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# access to bpf_map at offset 24 is not supported
#      2: (61) r0 = *(u32 *)(r2 +24)
# known: R2=map_ptr(map=hash,ks=4,vs=16)
# what led here:
#      0: (18) r2 = map[hash]

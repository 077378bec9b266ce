# A store into the map itself.
.license "GPL"
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.section xdp
.globl prog
prog:
  r2 = hash ll
  *(u32 *)(r2 + 0) = 1
  r0 = 0
  exit

# $ jitnic verify map-ptr-write.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# only read from map_ptr is supported
#      2: (62) *(u32 *)(r2 +0) = 1
# known: R2=map_ptr(map=hash,ks=4,vs=16)
# what led here:
#      0: (18) r2 = map[hash]

# A reservation of a size that is not constant.
.license "GPL"
.map ring type=ringbuf key=0 value=0 max_entries=4096 flags=0x0
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 12)
  r1 = ring ll
  r3 = 0
  call bpf_ringbuf_reserve
  r0 = 0
  exit

# $ jitnic verify arg-const-size.s
# prog: rejected (4 instructions checked, 0 states saved)
#
# R2 is not a known constant'
#      4: (85) call bpf_ringbuf_reserve#131
# known: R1=map_ptr(map=ring,ks=0,vs=0), R2=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)), R3=0
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +12)
#      1: (18) r1 = map[ring]
#      3: (b7) r3 = 0

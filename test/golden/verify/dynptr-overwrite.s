# A reservation that is overwritten and so lost.
.license "GPL"
.map ring type=ringbuf key=0 value=0 max_entries=4096 flags=0x0
.section xdp
.globl prog
prog:
  r1 = ring ll
  r2 = 8
  r3 = 0
  r4 = r10
  r4 += -16
  call bpf_ringbuf_reserve_dynptr
  *(u64 *)(r10 - 16) = 0
  r0 = 0
  exit

# $ jitnic verify dynptr-overwrite.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# cannot overwrite referenced dynptr
#      7: (7a) *(u64 *)(r10 -16) = 0

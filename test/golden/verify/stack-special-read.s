# A dynptr is not for loads.
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
  r6 = *(u64 *)(r10 - 16)
  r1 = r10
  r1 += -16
  r2 = 0
  call bpf_ringbuf_discard_dynptr
  r0 = 0
  exit

# $ jitnic verify stack-special-read.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# invalid read from stack off -16+0 size 8
#      7: (79) r6 = *(u64 *)(r10 -16)

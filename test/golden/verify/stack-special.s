# A helper may not fill a dynptr.
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
  r1 = r10
  r1 += -16
  r2 = 16
  call bpf_get_current_comm
  r1 = r10
  r1 += -16
  r2 = 0
  call bpf_ringbuf_discard_dynptr
  r0 = 0
  exit

# $ jitnic verify stack-special.s
# prog: rejected (10 instructions checked, 0 states saved)
#
# potential write to dynptr at off=-16 disallowed
#     10: (85) call bpf_get_current_comm#16
# known: R1=fp-16, R2=16
# what led here:
#      7: (bf) r1 = r10
#      8: (07) r1 += -16
#      9: (b7) r2 = 16

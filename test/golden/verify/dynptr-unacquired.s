# A dynptr of a map value is not a reservation.
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
  if r0 == 0 goto done
  r1 = r0
  r2 = 8
  r3 = 0
  r4 = r10
  r4 += -24
  call bpf_dynptr_from_mem
  r1 = r10
  r1 += -24
  r2 = 0
  call bpf_ringbuf_submit_dynptr
done:
  r0 = 2
  exit

# $ jitnic verify dynptr-unacquired.s
# prog: rejected (16 instructions checked, 1 states saved)
#
# arg 1 is an unacquired reference
#     16: (85) call bpf_ringbuf_submit_dynptr#199
# known: R1=fp-24, R2=0
# what led here:
#     13: (bf) r1 = r10
#     14: (07) r1 += -24
#     15: (b7) r2 = 0
# hint: only what bpf_ringbuf_reserve_dynptr gave can be submitted or discarded

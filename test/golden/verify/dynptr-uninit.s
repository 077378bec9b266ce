# A dynptr that was never made.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u64 *)(r10 - 8) = 0
  *(u64 *)(r10 - 16) = 0
  r1 = r10
  r1 += -24
  r2 = 8
  r3 = r10
  r3 += -16
  r4 = 0
  r5 = 0
  call bpf_dynptr_read
  r0 = 0
  exit

# $ jitnic verify dynptr-uninit.s
# prog: rejected (10 instructions checked, 0 states saved)
#
# Expected an initialized dynptr as arg #2
#      9: (85) call bpf_dynptr_read#201
# known: R1=fp-24, R2=8, R3=fp-16, R4=0, R5=0
# what led here:
#      2: (bf) r1 = r10
#      3: (07) r1 += -24
#      4: (b7) r2 = 8
#      5: (bf) r3 = r10
#      6: (07) r3 += -16
#      7: (b7) r4 = 0
#      8: (b7) r5 = 0

# A dynptr of the stack.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u64 *)(r10 - 8) = 0
  r1 = r10
  r1 += -8
  r2 = 8
  r3 = 0
  r4 = r10
  r4 += -24
  call bpf_dynptr_from_mem
  r0 = 0
  exit

# $ jitnic verify dynptr-data.s
# prog: rejected (8 instructions checked, 0 states saved)
#
# Unsupported reg type fp for bpf_dynptr_from_mem data
#      7: (85) call bpf_dynptr_from_mem#197
# known: R1=fp-8, R2=8, R3=0, R4=fp-24
# what led here:
#      1: (bf) r1 = r10
#      2: (07) r1 += -8
#      3: (b7) r2 = 8
#      4: (b7) r3 = 0
#      5: (bf) r4 = r10
#      6: (07) r4 += -24

# A helper that may sleep.
.license "GPL"
.section xdp
.globl prog
prog:
  r1 = r10
  r1 += -8
  r2 = 8
  r3 = 0
  call bpf_copy_from_user
  r0 = 0
  exit

# $ jitnic verify helper-sleepable.s
# prog: rejected (5 instructions checked, 0 states saved)
#
# helper call might sleep in a non-sleepable prog
#      4: (85) call bpf_copy_from_user#148
# known: R1=fp-8, R2=8, R3=0
# what led here:
#      0: (bf) r1 = r10
#      1: (07) r1 += -8
#      2: (b7) r2 = 8
#      3: (b7) r3 = 0
